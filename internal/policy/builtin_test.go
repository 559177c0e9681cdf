// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helpers"
)

func TestTheBuiltinPolicyAllowsEveryHelper(t *testing.T) {
	t.Parallel()
	p := Builtin()
	var all []string
	for _, h := range helpers.Builtin().All() {
		all = append(all, h.Name)
	}
	if diff := cmp.Diff(all, slices.Sorted(maps.Keys(p.Helpers))); diff != "" {
		t.Errorf("helpers (-want +got):\n%s", diff)
	}
	if p.Name != "default" || p.HostNetwork {
		t.Errorf("it is named %s, and for the node's network %t", p.Name, p.HostNetwork)
	}
	if again := Builtin(); again.Hash != p.Hash {
		t.Errorf("its hash is %s once and %s again", p.Hash, again.Hash)
	}
	for name, h := range p.Helpers {
		if h.Image != DefaultImage || len(h.PullSecrets) > 0 {
			t.Errorf("%s has the image %s and the pull secrets %v", name, h.Image, h.PullSecrets)
		}
		if errs := validateResources(&h.Resources, nil); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
	}
	if size := p.Helpers["git-poller"].VolumeSize; size.String() != "4Gi" {
		t.Errorf("git-poller may fill %s", size.String())
	}
}

// What the README says of it.
func TestTheBuiltinPolicyIsWhatTheReadmeSays(t *testing.T) {
	t.Parallel()
	const (
		repo   = "git-poller.pillion.dev/repo"
		period = "git-poller.pillion.dev/period"
		secret = "git-poller.pillion.dev/secret"

		sysctls = "ipc.pillion.dev/sysctls"
		no      = `policy "default" does not allow this value: `
	)
	rejected := func(key, value, why string) string {
		return "metadata.annotations[" + key + `]: Invalid value: "` + value + `": ` + no + why + "; the platform team can change this in the policy, spec.helpers[git-poller].options[" + key[strings.IndexByte(key, '/')+1:] + "]"
	}
	only := `allowed values: "https://*:*/*", "ssh://*@*:*/*"`
	literal := "; an IP address has to be named literally"
	for _, tt := range []struct {
		name        string
		annotations []string
		want        string
	}{
		{"https", nil, ""},
		{"https on another port", []string{repo, "https://git.example:8443/a"}, ""},
		{"a Secret", []string{secret, "s"}, ""},
		{"memory, queues and order", []string{"ipc.pillion.dev/shm", "1Gi", "ipc.pillion.dev/mqueue", "/a", "start.pillion.dev/after", "web=mqueue:/a"}, ""},
		{"the sysctl that every kubelet allows", []string{sysctls, "kernel.shm_rmid_forced=1"}, ""},
		{"any other sysctl", []string{sysctls, "kernel.msgmax=65536"}, "metadata.annotations[" + sysctls + `]: Invalid value: "kernel.msgmax=65536": ` +
			`policy "default" does not allow "kernel.msgmax": a pod may set what the policy's list for sysctls allows, and it has none; the platform team can change this in the policy, spec.helpers[ipc].options[sysctls]`},
		{"ten seconds", []string{period, "10s"}, ""},
		{"less than ten seconds", []string{period, "9s"}, rejected(period, "9s", "the minimum is 10s")},
		{"http", []string{repo, "http://git.example/a"}, rejected(repo, "http://git.example/a", only)},
		{"ssh with a key", []string{repo, "ssh://git@git.example:2222/a", secret, "s"}, ""},
		{"ssh without a key", []string{repo, "ssh://git@git.example/a"}, "metadata.annotations[" + secret + "]: Required value: ssh needs a key: name a Secret of type kubernetes.io/ssh-auth that also has the key known_hosts"},
		{"ssh to an address", []string{repo, "ssh://git@10.0.0.1/a", secret, "s"}, rejected(repo, "ssh://git@10.0.0.1/a", only+literal)},
		{"the metadata service", []string{repo, "https://169.254.169.254/a"}, rejected(repo, "https://169.254.169.254/a", only+literal)},
		{"the metadata service in IPv6", []string{repo, "https://[fd00:ec2::254]/a"}, rejected(repo, "https://[fd00:ec2::254]/a", only+literal)},
		{"the loopback in IPv6 clothes", []string{repo, "https://[::ffff:127.0.0.1]:6443/a"}, rejected(repo, "https://127.0.0.1:6443/a", only+literal)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := decide(Builtin(), tt.annotations...).Message(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAHelperThatHasNoResourcesOfItsOwnCannotBeForgotten(t *testing.T) {
	t.Parallel()
	for _, h := range helpers.Builtin().All() {
		if errs := validateResources(&h.Resources, nil); len(errs) > 0 {
			t.Errorf("%s: %v", h.Name, errs)
		}
	}
}

// Replicas with another image of the helpers decide otherwise, so their policies have another hash.
func TestTheImageOfHelpersInPoliciesThatNameNone(t *testing.T) {
	t.Parallel()
	const ours, theirs = "registry.example/ours:v1", "registry.example/theirs:v1"
	files := []File{
		{Name: "web.yaml", Data: []byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: web}\nspec: {helpers: {date-writer: {}}}\n")},
		{Name: "own.yaml", Data: []byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: own}\nspec: {image: " + theirs + ", helpers: {date-writer: {}}}\n")},
	}
	load := func(d Defaults) map[string]*inject.Policy {
		all, errs := d.Load(files)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		p, err := d.Builtin()
		if err != nil {
			t.Fatal(err)
		}
		all[DefaultName] = p
		return all
	}
	usual, set := load(Defaults{}), load(Defaults{Image: ours})
	for name, want := range map[string]string{DefaultName: ours, "web": ours, "own": theirs} {
		if got := set[name].Helpers["date-writer"].Image; got != want {
			t.Errorf("the policy %s has the image %s, want %s", name, got, want)
		}
		if same := usual[name].Hash == set[name].Hash; same != (want == theirs) {
			t.Errorf("the policy %s has the hashes %s and %s", name, usual[name].Hash, set[name].Hash)
		}
	}
	if _, err := (Defaults{Image: "Not An Image"}).Builtin(); err == nil || !strings.Contains(err.Error(), "spec.image") {
		t.Errorf("an image that cannot be: %v", err)
	}
}
