// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/pillion-dev/pillion/internal/gitargs"
	"github.com/pillion-dev/pillion/internal/gitfetch"
	"github.com/pillion-dev/pillion/internal/ipc"
	"github.com/pillion-dev/pillion/internal/startorder"
)

// The golden pods of internal/admission hold every command line that the webhook
// writes, as the API server would store it. Each of them must be understood here.
func TestEveryCommandLineThatIsInjectedIsUnderstood(t *testing.T) {
	t.Parallel()
	golden, err := filepath.Glob("../../internal/admission/testdata/*/want.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, path := range golden {
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "helper.yaml")); err == nil {
			continue // the program of a helper that a platform defined
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var pod corev1.Pod
		if err := yaml.Unmarshal(text, &pod); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, c := range pod.Spec.InitContainers {
			if !strings.HasPrefix(c.Name, "pillion-") || slices.Equal(c.Command, []string{"/git-sync"}) { // of test/e2e/cmd/gitsync
				continue
			}
			if got := strings.Join(c.Command, " "); got != "/pillion-helper" {
				t.Errorf("%s: the command is %q", path, got)
			}
			understand(t, path, c.Args, seen)
			if c.StartupProbe != nil {
				understand(t, path, c.StartupProbe.Exec.Command[1:], seen)
			}
		}
		for _, c := range pod.Spec.Containers {
			if len(c.Command) > 0 && c.Command[0] == "/.pillion/bin/pillion-helper" {
				understand(t, path, c.Command[1:], seen)
			}
		}
	}
	for _, verb := range []string{"git-poller", "date-writer", "config-reloader", "probe", "ipc-init", "install", "run"} {
		if seen[verb] == 0 {
			t.Errorf("no golden pod runs %s", verb)
		}
	}
}

// What a policy says of how servers are reached arrives.
func TestThePolicysWayToServersIsUnderstood(t *testing.T) {
	t.Parallel()
	for golden, want := range map[string]gitfetch.Request{
		"git-poller-proxy": {
			Repo: "https://github.com/acme/site", Auth: gitfetch.AuthBasic, AuthDir: "/pillion/auth", Proxy: "http://proxy.acme.example:3128",
			NoProxy: ".acme.example,10.0.0.0/8", ProxyAuthDir: "/pillion/proxy", ExtraCAFile: "/pillion/extra-ca/ca.crt", Redirects: []string{"https://github.com/*"},
		},
		"git-poller-proxy-for-ssh": {
			Repo: "ssh://git@github.com/acme/site", Auth: gitfetch.AuthSSH, AuthDir: "/pillion/auth", Proxy: "https://proxy.acme.example:443",
			ProxySSH: true, ProxyAuthDir: "/pillion/proxy", ExtraCAFile: "/pillion/extra-ca/ca.crt",
		},
		"git-poller-github-app": {
			Repo: "https://github.acme.example/web/site", Auth: gitfetch.AuthGitHubApp, AuthDir: "/pillion/auth", GitHubAPI: "https://github.acme.example/api/v3",
			Redirects: []string{"https://github.acme.example/web/*", "https://github.acme.example/shared/*"},
		},
	} {
		var pod corev1.Pod
		text, err := os.ReadFile(filepath.Join("../../internal/admission/testdata", golden, "want.yaml"))
		if err == nil {
			err = yaml.Unmarshal(text, &pod)
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := parseGitPoller(env{ctx: t.Context(), args: pod.Spec.InitContainers[0].Args[1:], stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		want.Ref, want.Depth, want.MaxFiles, want.MaxBytes = "HEAD", 1, gitargs.MaxFiles, 819<<20
		if diff := cmp.Diff(want, f.Request); diff != "" {
			t.Errorf("%s (-want +got):\n%s", golden, diff)
		}
	}
}

func understand(t *testing.T, path string, args []string, seen map[string]int) {
	t.Helper()
	var stderr bytes.Buffer
	e := env{ctx: t.Context(), stdout: io.Discard, stderr: &stderr, log: slog.New(slog.DiscardHandler)}
	for _, arg := range args[1:] { // as the kubelet expands it
		e.args = append(e.args, strings.ReplaceAll(arg, "$$", "$"))
	}
	seen[args[0]]++
	var err error
	switch args[0] {
	case "git-poller":
		var f *gitPollerFlags
		if f, err = parseGitPoller(e); err == nil {
			if f.Request.Repo == "" || f.Request.MaxBytes < 1<<20 || f.Root != "/pillion/content" {
				t.Errorf("%s: %q came out as %+v", path, args, f.Request)
			}
			tried, err := gitargs.Read(args[1:])
			if diff := cmp.Diff(f.Request, tried); err != nil || diff != "" {
				t.Errorf("%s: kubectl pillion try would fetch something else (%v; -helper +try):\n%s", path, err, diff)
			}
		}
	case "date-writer":
		_, err = parseDateWriter(e)
	case "config-reloader":
		_, err = parseReloader(e)
	case "ipc-init":
		var objects []ipc.Object
		if objects, _, err = parseIPCInit(e); err == nil && len(objects) != len(e.args) {
			t.Errorf("%s: %q came out as %+v", path, args, objects)
		}
	case "install":
		var to string
		if to, err = parseInstall(e); err == nil && to != "/.pillion/bin/pillion-helper" {
			t.Errorf("%s: installed as %s", path, to)
		}
	case "run":
		var o startorder.Options
		if o, _, err = parseWrap(e.args, e.stderr); err == nil && !slices.Equal(o.Command, e.args[slices.Index(e.args, "--")+1:]) {
			t.Errorf("%s: %q came out as %+v", path, args, o)
		}
	case "probe":
		if err = runProbe(e); err != nil && strings.Contains(err.Error(), "yet") {
			err = nil
		}
	default:
		t.Errorf("%s: the verb %q does not exist", path, args[0])
	}
	if err != nil {
		t.Errorf("%s: %q is not understood: %v", path, args, err)
	}
}

func TestAWrongCommandLineIsRefused(t *testing.T) {
	t.Parallel()
	refused(t, map[string]wrongLine{
		"no verb":               {nil, "usage: pillion-helper"},
		"an unknown verb":       {[]string{"git-puller"}, "usage: pillion-helper"},
		"an unknown flag":       {[]string{"git-poller", "--rooot=/x"}, "flag provided but not defined: -rooot"},
		"a missing root":        {[]string{"git-poller", "--repo=https://a.test/b"}, "--root is needed"},
		"a missing repository":  {[]string{"git-poller", "--root=/x"}, "--repo is needed"},
		"a stray argument":      {[]string{"git-poller", "x"}, `the argument "x" is unexpected`},
		"half a byte":           {[]string{"date-writer", "--max-size=500m"}, "must be a whole number of bytes"},
		"a missing file":        {[]string{"date-writer"}, "--file is needed"},
		"an unknown zone":       {[]string{"date-writer", "--file=/x/y", "--timezone=Mars/Base"}, "--timezone=Mars/Base"},
		"a foreign host":        {[]string{"git-poller", "--root=/x", "--repo=https://a.test/b", "--notify=http://a.test/"}, `--notify: the URL "http://a.test/" has the host "a.test", and must have localhost`},
		"a status that is none": {[]string{"git-poller", "--root=/x", "--repo=https://a.test/b", "--notify=http://localhost/", "--notify-status=ok"}, `--notify: the value "ok" has the status "ok", which must be a number`},
		"a signal that is none": {[]string{"git-poller", "--root=/x", "--repo=https://a.test/b", "--signal=KILL:web"}, `--signal: "KILL:web" must begin with a signal`},
		"sync with an argument": {[]string{"git-poller", "sync", "now"}, `the argument "now" is unexpected`},
		"sync without time":     {[]string{"git-poller", "sync", "--timeout=0s"}, "--timeout=0s must be more than 0"},
		"an unknown format":     {[]string{"git-poller", "status", "-o=yaml"}, "must be text or json"},
		"a probe of nothing":    {[]string{"probe"}, "one of --content and --file is needed"},
	})
}

// wrongLine is a command line, and what is to be said of it.
type wrongLine struct {
	args []string
	want string
}

func refused(t *testing.T, lines map[string]wrongLine) {
	t.Helper()
	for name, tc := range lines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			if code := run(tc.args, nil, io.Discard, &stderr); code != exitUsage {
				t.Errorf("exit status %d, want %d", code, exitUsage)
			}
			if !strings.Contains(stderr.String(), tc.want) {
				t.Errorf("stderr is %q, want it to contain %q", stderr.String(), tc.want)
			}
		})
	}
}

func TestTheProbeAsksForContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "index.html")
	probe := func(flag string) int {
		return run([]string{"probe", flag}, nil, io.Discard, io.Discard)
	}
	if got := probe("--content=" + dir); got != exitFailed {
		t.Errorf("without a commit the status is %d, want %d", got, exitFailed)
	}
	if got := probe("--file=" + file); got != exitFailed {
		t.Errorf("without a file the status is %d, want %d", got, exitFailed)
	}
	if err := os.Mkdir(filepath.Join(dir, "..abc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..abc", filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("now\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := probe("--content=" + dir); got != 0 {
		t.Errorf("with a commit the status is %d, want 0", got)
	}
	if got := probe("--file=" + file); got != 0 {
		t.Errorf("with a file the status is %d, want 0", got)
	}
}
