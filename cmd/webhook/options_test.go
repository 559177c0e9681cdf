// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/pillion-dev/pillion/internal/policy"
)

func TestParse(t *testing.T) {
	t.Parallel()

	t.Run("no flags give the documented defaults", func(t *testing.T) {
		t.Parallel()
		got, err := parse(nil)
		if err != nil {
			t.Fatal(err)
		}
		want := &options{
			listen: ":8443", healthListen: ":8081", maxBody: 6 << 20, maxBodies: 32 << 20,
			maxConnections: 1024, maxConnectionsPerSource: 512,
			certDir: "/etc/pillion/tls", tlsMinVersion: "1.2", helperImage: policy.DefaultImage,
			drainMin: 15 * time.Second, drainMax: 95 * time.Second,
			logFormat: "json", logLevel: "info",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})

	t.Run("every flag sets its field", func(t *testing.T) {
		t.Parallel()
		got, err := parse(strings.Fields("--listen=[::1]:10250 --health-listen=:9000 --max-body=1 --max-bodies=2 --max-connections=4 --max-connections-per-source=3 --cert-dir=c " +
			"--cert-dns-name=a.svc --cert-dns-name=b.svc --tls-min-version=1.3 --client-ca-file=f --client-name=a --client-name=b --policy-dir=p --helper-image=a/b:v1 --denials-by-namespace=7 " +
			"--drain-min=0s --drain-max=0s --log-format=text --log-level=error --version"))
		if err != nil {
			t.Fatal(err)
		}
		want := &options{
			listen: "[::1]:10250", healthListen: ":9000", maxBody: 1, maxBodies: 2, maxConnections: 4, maxConnectionsPerSource: 3,
			certDir: "c", certDNSNames: []string{"a.svc", "b.svc"}, tlsMinVersion: "1.3", clientCAFile: "f", clientNames: []string{"a", "b"}, policyDir: "p", helperImage: "a/b:v1",
			logFormat: "text", logLevel: "error", denialsByNamespace: 7, version: true,
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})

	t.Run("help is not a mistake", func(t *testing.T) {
		t.Parallel()
		for _, flag := range []string{"--help", "-h"} {
			if _, err := parse([]string{flag}); !errors.Is(err, pflag.ErrHelp) {
				t.Errorf("%s: %v, want pflag.ErrHelp", flag, err)
			}
		}
	})
}

// What the limits allow together leaves room below the chart's memory limit of 256 MiB.
func TestTheDefaultLimitsFitTheMemoryLimit(t *testing.T) {
	t.Parallel()
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.memory(); got != 96<<20 {
		t.Errorf("the limits need %d MiB, want 96: docs/performance.md and docs/security.md say so", got>>20)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, args, want string }{
		{
			"an address without a colon", "--listen=8443",
			`--listen: "8443" is not host:port with a port from 0 to 65535: use one such as :8443 or [::1]:8443`,
		},
		{
			"a port that does not exist", "--health-listen=:70000",
			`--health-listen: ":70000" is not host:port with a port from 0 to 65535: use one such as :8443 or [::1]:8443`,
		},
		{
			"one address for both ports", "--listen=:8081",
			`--health-listen: ":8081" is the address of --listen too: TLS and plain HTTP need a port each`,
		},
		{
			"a body cap of nothing", "--max-body=0",
			"--max-body: 0 bytes would reject every review: use at least 1, the default is 6291456",
		},
		{
			"no certificate directory", "--cert-dir=",
			"--cert-dir: is empty: name the directory that holds tls.crt and tls.key",
		},
		{
			"a wildcard to check the certificate against", "--cert-dns-name=*.svc",
			`--cert-dns-name: "*.svc" is not a DNS name: use one such as pillion.pillion-system.svc`,
		},
		{
			"a TLS version that is not served", "--tls-min-version=1.1",
			`--tls-min-version: "1.1" is not a version that can be served: use 1.2 or 1.3`,
		},
		{
			"a negative drain", "--drain-min=-1s",
			"--drain-min: -1s is negative: use 0s or more",
		},
		{
			"a drain that ends before its minimum", "--drain-max=10s",
			"--drain-max: 10s is less than --drain-min, which is 15s",
		},
		{
			"an unknown log format", "--log-format=xml",
			`--log-format: log format "xml" is unknown: use json or text`,
		},
		{
			"an unknown log level", "--log-level=trace",
			`--log-level: log level "trace" is unknown: use debug, info, warn or error`,
		},
		{
			"an argument", "serve",
			`unexpected argument "serve": everything is set by flags`,
		},
		{
			"an unknown flag", "--port=1",
			"unknown flag: --port",
		},
		{
			"room for less than two bodies", "--max-body=10 --max-bodies=19",
			"--max-bodies: 19 bytes is less than twice --max-body, which is 10: large bodies get half of the room, and one has to fit",
		},
		{
			"a client's name without a CA", "--client-name=a",
			"--client-name: is for --client-ca-file, which is not given: nobody would be asked for a certificate",
		},
		{
			"a variable that the Deployment does not have, as an image", "--helper-image=$(HELPER_IMAGE)",
			`--helper-image: "$(HELPER_IMAGE)" must be an image reference, such as registry.example/pillion-helper:v1 or one with @sha256:…`,
		},
		{
			"more namespaces than there is room for", "--denials-by-namespace=1001",
			"--denials-by-namespace: 1001 is not from 0 to 1000",
		},
		{
			"room for one connection", "--max-connections=1 --max-connections-per-source=1",
			"--max-connections: 1 leaves no room for both kept and new connections: use at least 2, the default is 1024\n" +
				"--max-connections-per-source: 1 is not from 2 to --max-connections, which is 1",
		},
		{
			"more connections from one address than in all", "--max-connections=100",
			"--max-connections-per-source: 512 is not from 2 to --max-connections, which is 100",
		},
		{
			"several mistakes", "--max-body=-1 --cert-dir= --drain-max=1ms",
			"--max-body: -1 bytes would reject every review: use at least 1, the default is 6291456\n" +
				"--cert-dir: is empty: name the directory that holds tls.crt and tls.key\n" +
				"--drain-max: 1ms is less than --drain-min, which is 15s",
		},
	} {
		t.Run(c.name+" is told", func(t *testing.T) {
			t.Parallel()
			_, err := parse(strings.Fields(c.args))
			if err == nil || err.Error() != c.want {
				t.Errorf("error:\n%v\nwant:\n%s", err, c.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	printHelp(&out)

	t.Run("groups come in the order of a reader's questions", func(t *testing.T) {
		t.Parallel()
		var got []string
		for line := range strings.Lines(out.String()) {
			if strings.HasSuffix(line, ":\n") && !strings.HasPrefix(line, " ") {
				got = append(got, strings.TrimSuffix(line, ":\n"))
			}
		}
		want := []string{"Usage", "Serving", "Certificate", "Policy", "Lifecycle", "Logging", "Metrics", "Other"}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("groups %q, want %q", got, want)
		}
	})

	t.Run("a flag shows its name, placeholder, default and meaning", func(t *testing.T) {
		t.Parallel()
		const want = "\n  --drain-min time  (default 15s)\n      The least time to serve on after SIGTERM"
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	})

	t.Run("every flag is there and has a description", func(t *testing.T) {
		t.Parallel()
		for _, group := range new(options).flags().FlagSets {
			group.VisitAll(func(f *pflag.Flag) {
				if !strings.Contains(out.String(), "--"+f.Name) || f.Usage == "" {
					t.Errorf("--%s is not in the help text, or has no text", f.Name)
				}
			})
		}
	})

	t.Run("no line is wider than a terminal or ends in blanks", func(t *testing.T) {
		t.Parallel()
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if len(line) > helpWidth || strings.TrimRight(line, " ") != line {
				t.Errorf("%d columns: %q", len(line), line)
			}
		}
	})
}
