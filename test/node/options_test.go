// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args []string
		want invocation
	}{
		"a command after two dashes keeps its flags": {
			args: []string{"run", "--image", "a.tar", "--image=b.tar", "--keep-logs", "logs", "--", "go", "test", "--image"},
			want: invocation{verb: "run", nodes: 1, images: []string{"a.tar", "b.tar"}, keepLogs: "logs", args: []string{"go", "test", "--image"}},
		},
		"a command needs no dashes": {
			args: []string{"run", "kubectl", "get", "-o", "yaml"},
			want: invocation{verb: "run", nodes: 1, args: []string{"kubectl", "get", "-o", "yaml"}},
		},
		"files to load":   {args: []string{"load", "a.tar"}, want: invocation{verb: "load", args: []string{"a.tar"}}},
		"up takes images": {args: []string{"up", "--image=a.tar"}, want: invocation{verb: "up", nodes: 1, images: []string{"a.tar"}}},
		"the kubelet's own pace": {
			args: []string{"run", "--kubelet-sync=1m", "true"},
			want: invocation{verb: "run", nodes: 1, sync: time.Minute, args: []string{"true"}},
		},
		"two nodes, whose network has policies": {
			args: []string{"run", "--nodes=2", "--network-policies", "true"},
			want: invocation{verb: "run", nodes: 2, policies: true, args: []string{"true"}},
		},
		"check looks for what policies need": {args: []string{"check", "--network-policies"}, want: invocation{verb: "check", policies: true}},
		"a node is lost":                     {args: []string{"crash", "2"}, want: invocation{verb: "crash", args: []string{"2"}}},
		"an address is shared":               {args: []string{"share", "127.0.0.1:5000"}, want: invocation{verb: "share", args: []string{"127.0.0.1:5000"}}},
		"down stands alone":                  {args: []string{"down"}, want: invocation{verb: "down"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(tt.args)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.args) == 0 {
				got.args = nil
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(invocation{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`which one of run, up, check, status, load, crash, restart, share, down? "node help" explains them`: nil,
		`there is no "start"; there are run, up, check, status, load, crash, restart, share and down`:       {"start"},
		`run: a command is missing: run [flags] -- COMMAND`:                                                 {"run", "--"},
		`crash: the number of a node is missing: crash N`:                                                   {"crash"},
		`restart: "two" is not the number of a node, such as 2`:                                             {"restart", "two"},
		`run: --nodes is 3; allowed values: 1, 2`:                                                           {"run", "--nodes=3", "true"},
		`up: --nodes is 0; allowed values: 1, 2`:                                                            {"up", "--nodes=0"},
		`load: a file is missing: load FILE`:                                                                {"load"},
		`share: an address is missing: share ADDRESS`:                                                       {"share"},
		`share: "registry.acme.example:5000" is not a port of this machine's own, such as 127.0.0.1:5000`:   {"share", "registry.acme.example:5000"},
		`share: "198.18.0.1:5000" is not a port of this machine's own, such as 127.0.0.1:5000`:              {"share", "198.18.0.1:5000"},
		`up takes no argument, but got "-- now"`:                                                            {"up", "--", "--", "now"},
		`init is for the node itself; use run or up`:                                                        {"init"},
		`down: flag provided but not defined: -image`:                                                       {"down", "--image=a.tar"},
	} {
		_, err := parse(args)
		if err == nil || err.Error() != want {
			t.Errorf("%q: error %q, want %q", args, err, want)
		}
	}
	for _, args := range [][]string{{"help"}, {"--help"}, {"run", "-h"}} {
		if _, err := parse(args); !errors.Is(err, errHelp) {
			t.Errorf("%q: error %q, want usage", args, err)
		}
	}
}

func TestTheSupervisorIsAskedForTheSame(t *testing.T) {
	t.Parallel()
	asked := invocation{verb: "supervise", images: []string{"a b.tar", "-c.tar"}, keepLogs: "logs", sync: time.Minute, nodes: 2, policies: true}
	got, err := parse(append([]string{asked.verb}, asked.flags()...))
	if err != nil {
		t.Fatal(err)
	}
	got.args = nil
	if diff := cmp.Diff(asked, got, cmp.AllowUnexported(invocation{})); diff != "" {
		t.Error(diff)
	}
}
