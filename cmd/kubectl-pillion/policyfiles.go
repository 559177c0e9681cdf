// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/helpers/defined"
	"github.com/pillion-dev/pillion/internal/nearmiss"
	"github.com/pillion-dev/pillion/internal/policy"
	"github.com/pillion-dev/pillion/internal/policytest"
)

// policyFile is a file to read, or one of a directory that is passed over.
type policyFile struct {
	policy.File

	passedOver string // the kind
}

// policyFiles are the files that are named, and those of directories that the webhook would
// read there.
func policyFiles(args []string, stdin io.Reader) (files []policyFile, err error) {
	for _, arg := range args {
		if arg == "-" {
			data, err := io.ReadAll(stdin)
			if err != nil {
				return nil, fmt.Errorf("reading standard input: %w", err)
			}
			files = append(files, policyFile{File: policy.File{Name: "standard input", Data: data}})
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		names := []string{arg}
		if info.IsDir() {
			if names, err = manifestsIn(arg, false); err != nil {
				return nil, err
			}
		}
		found := false
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			f := policyFile{File: policy.File{Name: name, Data: data}}
			if info.IsDir() {
				f.passedOver = otherKind(data)
			}
			found = found || f.passedOver == ""
			files = append(files, f)
		}
		if !found {
			return nil, fmt.Errorf("the directory %s has manifests, and none is a policy or a helper", arg)
		}
	}
	return files, nil
}

// otherKind is the kind of a manifest that is neither a policy nor a helper; "" for those,
// and for what cannot be read, or has no kind: it may be meant as one.
func otherKind(data []byte) string {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	ours := []string{policy.Kind, defined.Kind}
	if yaml.Unmarshal(data, &head) != nil || slices.Contains(ours, head.Kind) || nearmiss.Nearest(head.Kind, ours) != "" {
		return ""
	}
	if head.Kind != policytest.Kind && strings.HasPrefix(head.APIVersion, helper.Domain+"/") {
		return ""
	}
	return head.Kind
}
