// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// good is the smallest command line.
func good(more ...string) []string {
	return append([]string{"--namespace=ns", "--secret=tls", "--mutating=pillion", "--dns-name=pillion-webhook.ns.svc"}, more...)
}

func TestWhatCannotBeUsedIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"nothing is given", nil, []string{
			"--namespace: is empty: name the namespace of the Secret",
			"--secret: is empty: name the Secret for the certificate",
			"--mutating: is empty, as is --validating: name a webhook configuration, or nobody trusts the certificate",
			"--dns-name: is empty: name the webhook's Service, such as pillion-webhook.pillion-system.svc",
		}},
		{"a name that is none", good("--dns-name=A_b"), []string{`--dns-name: "A_b" is not a DNS name: use one such as pillion-webhook.pillion-system.svc`}},
		{"a certificate for a day", good("--validity=24h", "--overlap=0s"), []string{"--validity: 24h0m0s is too short for some runs to fail before it ends: use 720h0m0s or more"}},
		{"trust that outlasts the next renewal", good("--overlap=721h"), []string{"--overlap: 721h0m0s is not from 0s to a third of --validity, which is 720h0m0s"}},
		{"times that go back", good("--settle=-1s", "--patience=-1s"), []string{
			"--settle: -1s is negative: use 0s or more",
			"--patience: -1s is negative: use 0s or more",
		}},
		{"no time for anything", good("--timeout=1m"), []string{"--timeout: 1m0s is not more than --settle, which is 1m0s: nothing could ever be done"}},
		{"an unknown format", good("--log-format=xml"), []string{`--log-format: "xml" is unknown: use json or text`}},
		{"a word too many", good("now"), []string{`unexpected argument "now": everything is set by flags`}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if status := run(tc.args, &stdout, &stderr); status != exitUsage {
				t.Errorf("exit status %d, want %d", status, exitUsage)
			}
			want := strings.Join(append(tc.want, "See certificates --help.\n"), "\n")
			if diff := cmp.Diff(want, stderr.String()); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheDefaultsAreGood(t *testing.T) {
	t.Parallel()
	if _, err := parse(good()); err != nil {
		t.Error(err)
	}
}

func TestHelpAndVersionNeedNothing(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{"--help": "Usage:\n  certificates [flags]\n", "--version": "pillion certificates v"} {
		var stdout, stderr bytes.Buffer
		if status := run([]string{arg}, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), want) {
			t.Errorf("%s: exit status %d, stdout %q, stderr %q", arg, status, stdout.String(), stderr.String())
		}
	}
}

func TestOutsideOfAPodTheErrorSaysWhatToDo(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	var stdout, stderr bytes.Buffer
	status := run(good("--log-format=text"), &stdout, &stderr)
	if status != exitFailed || !strings.Contains(stderr.String(), "reading the pod's ServiceAccount: ") || !strings.Contains(stderr.String(), "outside of a pod use --kubeconfig") {
		t.Errorf("exit status %d:\n%s", status, stderr.String())
	}
}
