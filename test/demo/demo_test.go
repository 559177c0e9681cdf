// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bound is for what hangs. A run takes half a minute on two cores.
const bound = 20 * time.Minute

var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "demo-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "demo")
	build := exec.CommandContext(context.Background(), "go", "build", "-buildvcs=false", "-o", program, "../../hack/demo")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	return m.Run()
}

// demo is a run whose temporary files are below a directory of its own.
func demo(t *testing.T, args ...string) (cmd *exec.Cmd, tmp string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	t.Cleanup(cancel)
	tmp = t.TempDir()
	cmd = exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 3 * time.Minute
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "GOTMPDIR="+t.TempDir())
	return cmd, tmp
}

// assertNothingLeft looks for files of the run, and for processes that were started with them.
func assertNothingLeft(t *testing.T, tmp string) {
	t.Helper()
	entries, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", e.Name())
	}
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline") // there is none but on Linux
	for _, file := range commands {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(tmp)) {
			t.Errorf("a process is left: %s", bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		}
	}
}

// wanted are lines of the output, in their order: of each step its title, and what it is about.
var wanted = []string{
	"[1/8] Start an API server, Pillion's webhook and a git server",
	"[2/8] Apply a pod that requests a git poller",
	"$ kubectl apply -f web.yaml",
	"pod/web created",
	"+ sidecar        pillion-git-poller         image ",
	"+ mount          in nginx                   /usr/share/nginx/html, read-only",
	"+ annotation     pillion.dev/status         Injected, requested by policy default",
	"[3/8] Run the added container, and a web server on the volume it shares",
	"$ pillion-helper git-poller --root=volumes/pillion-git-poller ",
	"$ pillion-helper probe --content=volumes/pillion-git-poller",
	"<h1>Version 1</h1>",
	"[4/8] Push a commit: the page changes, and the app is notified",
	"$ git -C site push -q",
	"app: POST /-/reload, Pillion-Commit: ",
	"<h1>Version 2</h1>",
	"[5/8] Stop the git server: the page stays",
	"git-poller: poll failed, reason Unreachable, stillPublished ",
	"<h1>Version 2</h1>",
	"[6/8] Start the git server again, and push",
	"app: POST /-/reload, Pillion-Commit: ",
	"<h1>Version 3</h1>",
	"[7/8] Apply a Deployment with two mistakes",
	"$ kubectl apply -f wrong.yaml",
	"Warning: pillion: git-poller.pillion.dev/perod: ",
	"deployment.apps/site created",
	"$ kubectl pillion explain deploy/site --policy policies",
	"✗ Deployment/site of namespace default: Denied, UnknownAnnotation",
	"[8/8] Request a helper that the platform team defined",
	"+ sidecar        pillion-log-shipper        image registry.acme.example/log-shipper:",
	"That took ",
}

func TestTheDemoShowsContentThatFlows(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "demo.svg")
	cmd, tmp := demo(t, "--record", picture)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rest := wanted
	for line := range strings.Lines(string(out)) {
		if len(rest) > 0 && strings.HasPrefix(line, rest[0]) {
			rest = rest[1:]
		}
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); strings.HasPrefix(line, "+") && n > 100 {
			t.Errorf("a line of a summary has %d characters: %s", n, line)
		}
	}
	if len(rest) > 0 {
		t.Errorf("the output lacks, in this order, %q\n%s", rest, out)
	}
	if bytes.Contains(out, []byte("\x1b")) {
		t.Error("the output is coloured, and it is not a terminal's")
	}
	assertNothingLeft(t, tmp)

	svg, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	const most = 200_000
	if last := strings.ReplaceAll("[8/8] Request a helper", " ", "\u00a0"); !strings.Contains(string(svg), last) || len(svg) > most {
		t.Errorf("the recording has %d bytes, want at most %d, and %q in it", len(svg), most, last)
	}
}

func TestWhateverEndsItNothingIsLeft(t *testing.T) {
	for name, tc := range map[string]struct {
		at  string // the line after which it ends
		end func(cmd *exec.Cmd, out io.Closer) error
	}{
		"Ctrl-C, while git-poller runs":                {"$ pillion-helper probe", func(cmd *exec.Cmd, _ io.Closer) error { return cmd.Process.Signal(syscall.SIGINT) }},
		"the terminal is closed":                       {"[2/8]", func(cmd *exec.Cmd, _ io.Closer) error { return cmd.Process.Signal(syscall.SIGHUP) }},
		"nobody reads its output any more, as by head": {"[2/8]", func(_ *exec.Cmd, out io.Closer) error { return out.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, tmp := demo(t)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if strings.HasPrefix(lines.Text(), tc.at) {
					if err := tc.end(cmd, out); err != nil {
						t.Error(err)
					}
				}
			}
			err = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(said.String(), "demo: stopped: ") {
				t.Errorf("exit code %d (%v), want 1 and a sentence:\n%s", code, err, &said)
			}
			assertNothingLeft(t, tmp)
		})
	}
}

func TestAStepThatFailsSaysWhichAndWhy(t *testing.T) {
	golang, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ variable, want string }{
		"there is no git":        {"PATH=" + filepath.Dir(golang), "git is needed, and cannot be run"},
		"there is no API server": {"KUBEBUILDER_ASSETS=" + t.TempDir(), "finding the Kubernetes binaries"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(golang), "git")); err == nil && strings.HasPrefix(tc.variable, "PATH=") {
				t.Skip("git lies beside go")
			}
			cmd, tmp := demo(t)
			cmd.Env = append(cmd.Env, tc.variable)
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d (%v), want 1", code, err)
			}
			prefix := `demo: step 1, "Start an API server, Pillion's webhook and a git server", went wrong: `
			if !strings.Contains(string(out), prefix) || !strings.Contains(string(out), tc.want) {
				t.Errorf("the output lacks %q and %q:\n%s", prefix, tc.want, out)
			}
			assertNothingLeft(t, tmp)
		})
	}
}
