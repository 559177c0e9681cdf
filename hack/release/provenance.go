// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Names of files in a release.
const (
	imageList      = "images.txt"
	checksums      = "SHA256SUMS"
	provenanceFile = "provenance.json"
)

// A statement of in-toto (https://in-toto.io/Statement/v1) with SLSA's provenance as its
// predicate (https://slsa.dev/spec/v1.0/provenance). It has no times and no number of the
// run: two builds of one commit have the same.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []subject  `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     provenance `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type provenance struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string            `json:"buildType"`
	ExternalParameters   map[string]string `json:"externalParameters"`
	ResolvedDependencies []dependency      `json:"resolvedDependencies"`
}

type dependency struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest,omitempty"`
}

type runDetails struct {
	Builder struct {
		ID string `json:"id"`
	} `json:"builder"`
}

// makeProvenance says of all files so far, and of what goes to the registry, which commit
// they were made of, how, and by what.
func (r *release) makeProvenance(builder string) error {
	s := statement{
		Type:          "https://in-toto.io/Statement/v1",
		PredicateType: "https://slsa.dev/provenance/v1",
		Predicate: provenance{BuildDefinition: buildDefinition{
			BuildType:          repository + "/blob/main/docs/release.md#buildtype-v1",
			ExternalParameters: map[string]string{"version": r.version, "registry": r.registry},
			ResolvedDependencies: []dependency{
				{URI: "git+" + repository + "@refs/tags/" + r.version, Digest: map[string]string{"gitCommit": r.commit}},
				{URI: "pkg:golang/toolchain@" + runtime.Version()},
			},
		}},
	}
	s.Predicate.RunDetails.Builder.ID = builder
	sums, err := r.sums()
	if err != nil {
		return err
	}
	for _, f := range sums {
		s.Subject = append(s.Subject, subject{Name: f.name, Digest: map[string]string{"sha256": f.sum}})
	}
	for _, i := range append(r.images, r.chart) {
		s.Subject = append(s.Subject, subject{Name: i.repository(), Digest: map[string]string{"sha256": strings.TrimPrefix(i.digest, "sha256:")}})
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return r.write(provenanceFile, append(text, '\n'))
}

// makeChecksums writes the file that sha256sum --check reads.
func (r *release) makeChecksums() error {
	sums, err := r.sums()
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, f := range sums {
		fmt.Fprintf(&text, "%s  %s\n", f.sum, f.name)
	}
	return r.write(checksums, []byte(text.String()))
}

type sum struct{ name, sum string }

// sums are those of all files of the release so far, by name.
func (r *release) sums() ([]sum, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	var all []sum
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		hash := sha256.Sum256(content)
		all = append(all, sum{e.Name(), hex.EncodeToString(hash[:])})
	}
	return all, nil
}
