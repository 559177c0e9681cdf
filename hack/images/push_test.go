// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// serve is a registry in memory; it returns its host and port.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestARegistryGivesBackWhatWasPushed(t *testing.T) {
	t.Parallel()
	host := serve(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	dir := built(t)
	printed := call(t, "push", "--registry", host+"/acme", "--tag", "v9", "--from", dir)

	want := ""
	for _, image := range []string{"pillion-webhook", "pillion-helper", "pillion-certificates", "pillion-kubectl"} {
		ref, err := name.NewTag(host + "/acme/" + image + ":v9")
		if err != nil {
			t.Fatal(err)
		}
		index, err := remote.Index(ref)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Errorf("%s: %v", image, err)
		}
		digest, err := readArchive(t, filepath.Join(dir, image+".tar")).Digest()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := index.Digest(); err != nil || got != digest {
			t.Errorf("%s: digest %s and error %v, want %s", image, got, err, digest)
		}
		want += ref.Name() + "@" + digest.String() + "\n"
	}
	if diff := cmp.Diff(want, printed); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestPushSaysWhyNothingWasPushed(t *testing.T) {
	t.Parallel()
	host := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"errors":[{"code":"DENIED","message":"not yours"}]}`, http.StatusForbidden)
	}))
	dir, empty := built(t), t.TempDir()
	for name, c := range map[string]struct {
		args []string
		want []string // what the error starts with, and what else is in it
	}{
		"the registry rejects": {
			[]string{"--registry", host, "--from", dir},
			[]string{"images push: " + host + "/pillion-webhook:v0.1.0 was not pushed: ", "not yours"},
		},
		"nothing was built": {
			[]string{"--registry", host, "--from", empty},
			[]string{"images push: " + empty + "/pillion-webhook.tar is not there; run the command build first, or name another directory with --from\n"},
		},
		"the name is impossible": {
			[]string{"--registry", "ghcr.io/Acme", "--tag", "a b", "--from", dir},
			[]string{`images push: registry "ghcr.io/Acme" and tag "a b" do not make an image name such as ghcr.io/pillion-dev/pillion-webhook:v0.1.0: `},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), append([]string{"push"}, c.args...), &stdout, &stderr)
			if status != 1 || !strings.HasPrefix(stderr.String(), c.want[0]) {
				t.Errorf("exit status %d and %q, want 1 and %q", status, stderr.String(), c.want[0])
			}
			for _, part := range c.want[1:] {
				if !strings.Contains(stderr.String(), part) {
					t.Errorf("%q does not say %q", stderr.String(), part)
				}
			}
			if stdout.Len() > 0 {
				t.Errorf("it printed %q", stdout.String())
			}
		})
	}
}
