// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/jsonscan"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// metadata is the view of what carries keys.
type metadata struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// keyed is the view of anything with metadata.
type keyed struct {
	Metadata metadata `json:"metadata"`
}

// readKeyed reads the keys of any object, and what it is for an error message.
func readKeyed(raw []byte, what string) (*keyed, error) {
	var k keyed
	if err := jsonv2.Unmarshal(raw, &k, jsonscan.AllowDuplicates); err != nil {
		return nil, fmt.Errorf("decoding the %s: %w", what, jsonscan.WithoutValue(err))
	}
	return &k, nil
}

// oursIn are the keys under our domain, sorted, that the same map did not have before with the
// same value.
func oursIn(keys, before map[string]string) []string {
	var ours []string
	for key, value := range keys {
		if had, has := before[key]; isOurs(key) && (!has || had != value) {
			ours = append(ours, key)
		}
	}
	slices.Sort(ours)
	return ours
}

// isOurs reports whether an annotation asks Pillion for something.
func isOurs(key string) bool { return inject.Asks(map[string]string{key: ""}) }

// intendedKey is the key of Pillion for which a key of another domain was mistaken: a mistake in
// "pillion.dev" itself, which the API server's match conditions for pods cannot see.
// It is said only of a key that is otherwise right, since every domain is somebody's.
func intendedKey(known *helper.Set, key string) string {
	prefix, name, _ := strings.Cut(key, "/")
	labels := strings.Split(strings.ToLower(prefix), ".")
	if len(labels) < 3 {
		return ""
	}
	at := len(labels) - 2
	domain := strings.Join(labels[at:], ".")
	h := known.Find(labels[at-1])
	if h == nil || h.Option(name) == nil || domain == helper.Domain || nearmiss.Nearest(domain, []string{helper.Domain}) == "" {
		return ""
	}
	return strings.Join(append(labels[:at], helper.Domain), ".") + "/" + name
}
