// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pillion-dev/pillion/internal/explain"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// standardInput names it where a file has a name.
const standardInput = "standard input"

// policyFile is a policy or a helper, or a file of a directory that is passed over.
type policyFile struct {
	policy.File

	passedOver string // what it is
	// at is where its spec stands in the values of a chart, such as policies[web]; "" in a file of
	// its own.
	at string
	// image is that of helpers in policies that name none, where the values say so.
	image string
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
			found, err := policiesNamed(standardInput, data)
			if err != nil {
				return nil, err
			}
			files = append(files, found...)
			continue
		}
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		read := policiesOf
		if info.IsDir() {
			read = policiesBelow
		}
		found, err := read(arg)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

// policiesOf reads one file.
func policiesOf(name string) ([]policyFile, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	return policiesNamed(name, data)
}

// policiesNamed reads a file that somebody named, and so means as a policy or a helper.
func policiesNamed(name string, data []byte) ([]policyFile, error) {
	files, what := policiesIn(name, data)
	switch {
	case len(files) > 0:
		return files, nil
	case what == noKind:
		return nil, fmt.Errorf("%s has no policy and no helper: as values of the chart it has no \"policies: {NAME: SPEC}\", so the built-in policy applies; a policy's own file begins with apiVersion: %s and kind: %s", name, policy.APIVersion, policy.Kind)
	}
	return []policyFile{{File: policy.File{Name: name, Data: data}}}, nil
}

// policiesBelow reads a directory.
func policiesBelow(dir string) (files []policyFile, err error) {
	names, err := manifestsIn(dir, false)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, what := policiesIn(name, data)
		if len(found) == 0 {
			found = []policyFile{{File: policy.File{Name: name}, passedOver: what}}
		}
		files = append(files, found...)
	}
	if !slices.ContainsFunc(files, func(f policyFile) bool { return f.passedOver == "" }) {
		return nil, fmt.Errorf("the directory %s has manifests, and none is a policy or a helper", dir)
	}
	return files, nil
}

// loadPolicy reads the one policy that a file has.
func loadPolicy(name string) (*inject.Policy, error) {
	all, err := policiesFrom(name)
	if err != nil || all.Only != nil {
		return all.Only, err
	}
	return nil, fmt.Errorf("%s has more than one policy; name a file with one", name)
}

// policiesFrom reads the policies of a file. Several are those of a cluster, from which namespaces
// pick.
func policiesFrom(name string) (*explain.Policies, error) {
	found, err := policiesOf(name)
	if err != nil {
		return nil, err
	}
	if len(found) == 1 && found[0].Document == nil {
		one, err := policy.LoadFile(name)
		return &explain.Policies{Only: one, Source: name, Why: "it was named with --policy"}, err
	}
	var files []policy.File
	var image string
	for i := range found {
		files = append(files, found[i].File)
		image = found[i].image
	}
	defaults := policy.Defaults{Image: image}
	all, errs := defaults.Load(files)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(all) == 1 {
		for _, one := range all {
			return &explain.Policies{Only: one, Source: name, Why: "it is the only one of the file that was named with --policy"}, nil
		}
	}
	if all[policy.DefaultName] == nil { // the chart adds it as well
		if all[policy.DefaultName], err = defaults.Builtin(); err != nil {
			return nil, fmt.Errorf("helperImage in %s: %w", name, err)
		}
		all[policy.DefaultName].Known, _ = policy.Helpers(files) // they were loaded
	}
	return &explain.Policies{ByName: all, Source: name}, nil
}
