// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// What the server links is what an attacker of the server finds. A new package is welcome if
// it is worth a higher number here.
func TestTheServerLinksNoClient(t *testing.T) {
	t.Parallel()
	const most = 365 // the standard library's included; 357 when this was written
	packages := linked(t, ".")
	if len(packages) > most {
		t.Errorf("cmd/webhook links %d packages, at most %d were expected", len(packages), most)
	}
	wantNoClients(t, packages)
}

// A program that embeds the library links no client either.
func TestTheLibraryLinksNoClient(t *testing.T) {
	t.Parallel()
	wantNoClients(t, linked(t, "../../pkg/pillion"))

	t.Run("and the test would see one", func(t *testing.T) {
		t.Parallel()
		if found := clients(linked(t, "../../pkg/pillion/manager")); len(found) < 2 {
			t.Errorf("pkg/pillion/manager links %v; it is made of both controller-runtime and client-go", found)
		}
	})
}

func wantNoClients(t *testing.T, packages []string) {
	t.Helper()
	if found := clients(packages); len(found) > 0 {
		t.Errorf("%d packages of clients are linked: %s", len(found), strings.Join(found, ", "))
	}
}

func clients(packages []string) []string {
	var found []string
	for _, p := range packages {
		if strings.HasPrefix(p, "k8s.io/client-go") || strings.HasPrefix(p, "sigs.k8s.io/controller-runtime") {
			found = append(found, p)
		}
	}
	return found
}

// linked are all packages that a package is made of, itself included.
func linked(t *testing.T, of string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", of)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &problems)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Fatalf("go list names %d packages of %s", len(packages), of)
	}
	return packages
}
