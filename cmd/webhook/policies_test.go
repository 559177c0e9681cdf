// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/server"
)

func TestAllPoliciesOfADirectoryAreServed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policies []string
		warned   bool
	}{
		"a default and another":                 {[]string{"default", "web"}, false},
		"without a default, and that is warned": {[]string{"payments", "web"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, p := range c.policies {
				text := "apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: " + p + "}\nspec: {helpers: {date-writer: {}}}\n"
				if err := os.WriteFile(filepath.Join(dir, p+".yaml"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			logged := &lines{}
			log, err := server.NewLogger(logged, "json", "info")
			if err != nil {
				t.Fatal(err)
			}
			o, err := parse([]string{"--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--cert-dir=" + t.TempDir(), "--policy-dir=" + dir})
			if err != nil {
				t.Fatal(err)
			}
			ended, end := context.WithCancel(t.Context())
			end() // it reads the policies, and goes
			if err := serve(ended, ended, o, log); err != nil && !errors.Is(err, server.ErrStopped) {
				t.Fatal(err)
			}
			start := logged.wait(t, "webhook starts")
			if diff := cmp.Diff(c.policies, slices.Sorted(maps.Keys(start.Policies))); diff != "" {
				t.Errorf("policies (-want +got):\n%s", diff)
			}
			logged.mu.Lock()
			defer logged.mu.Unlock()
			if text := logged.text.String(); strings.Contains(text, "no policy is called default") != c.warned {
				t.Errorf("warned: want %v:\n%s", c.warned, text)
			}
		})
	}
}
