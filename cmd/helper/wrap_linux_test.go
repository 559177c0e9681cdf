// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a C program inherits with the wrapper is compared with what it inherits
// without: descriptors, arguments, environment, umask, directory, limits, timers,
// signals, capabilities, and what else /proc/self/status tells.
func TestAnAppInheritsWhatItWouldWithout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	helper, app := helperIn(t, dir), compile(t, dir)
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		before string // shell commands that change what is inherited
		flags  []string
		differ []string // lines, without the wrapper and with it
	}{
		"nothing is asked for":              {"", nil, nil},
		"conditions hold":                   {"", []string{"--wait=file:/", "--wait=file:" + app}, nil},
		"a low limit of open files":         {"ulimit -Sn 64", nil, nil},
		"a hard limit of open files":        {"ulimit -n 128", nil, nil},
		"no core files, and a small stack":  {"ulimit -c 0; ulimit -s 1024", nil, nil},
		"a strict umask":                    {"umask 0077", nil, nil},
		"ignored signals":                   {"trap '' HUP INT", nil, nil},
		"ignored signals while waiting":     {"trap '' HUP INT", []string{"--wait=file:/"}, nil},
		"an open descriptor":                {"exec 7>/dev/null", nil, nil},
		"another working directory":         {"cd /", nil, nil},
		"settings of the Go runtime":        {"export GOMAXPROCS=1 GODEBUG=madvdontneed=1 GOTRACEBACK=crash", nil, nil},
		"odd variables":                     {"export EMPTY= 'SPACES= a b ' LINE='a\nb'", nil, nil},
		"a umask is asked for":              {"umask 0022", []string{"--umask=0002"}, []string{"-umask: 0022", "+umask: 0002"}},
		"others wait for it":                {"", []string{"--name=web", "--state=" + state}, []string{"+fd 1000: " + state + "/web, flags 0100002"}},
		"others wait, and the limit is low": {"ulimit -n 128", []string{"--name=low", "--state=" + state}, []string{"+fd 60: " + state + "/low, flags 0100002"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The shell becomes the one or the other, so that the process is the same.
			inherited := func(argv ...string) []string {
				cmd := exec.Command("/bin/sh", append([]string{"-c", c.before + "\nexec \"$@\"", "sh"}, argv...)...)
				cmd.Stdin = strings.NewReader("")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				out, err := cmd.Output()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != 42 || stderr.Len() > 0 {
					t.Fatalf("%v, stderr %q", err, stderr.String())
				}
				// Two processes and their pipes cannot have the same numbers.
				text := regexp.MustCompile(`pipe:\[\d+\]`).ReplaceAllString(string(out), "pipe")
				text = regexp.MustCompile(fmt.Sprintf(`\b%d\b`, cmd.Process.Pid)).ReplaceAllString(text, "PID")
				return strings.Split(text, "\n")
			}
			without := inherited(app, "42", "a b", "", "$(X)")
			with := inherited(append(append([]string{helper, "run"}, c.flags...), "--", app, "42", "a b", "", "$(X)")...)
			if len(without) < 60 {
				t.Errorf("the app prints %d lines only", len(without))
			}
			if diff := cmp.Diff(c.differ, difference(without, with)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// difference is what one list has and the other does not.
func difference(without, with []string) (lines []string) {
	for _, line := range without {
		if !slices.Contains(with, line) {
			lines = append(lines, "-"+line)
		}
	}
	for _, line := range with {
		if !slices.Contains(without, line) {
			lines = append(lines, "+"+line)
		}
	}
	return lines
}

func TestTheCommandIsFoundAsARuntimeFindsIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	helper := helperIn(t, dir)
	programs := map[string]string{"yes": "#!/bin/sh\necho $0 $#\n", "noexec": "#!/bin/sh\n", "plain": "echo\n", "orphan": "#!/no/such/shell\n"}
	for name, text := range programs {
		mode := os.FileMode(0o700)
		if name == "noexec" {
			mode = 0o600
		}
		writing(func() {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		})
	}
	for name, c := range map[string]struct {
		command []string
		status  int
		want    string
	}{
		"by the PATH of the environment":    {[]string{"yes", "a"}, 0, dir + "/yes 1\n"},
		"relative to the directory":         {[]string{"./yes"}, 0, "./yes 0\n"},
		"absolute":                          {[]string{dir + "/yes"}, 0, dir + "/yes 0\n"},
		"not in PATH":                       {[]string{"sh"}, 127, `pillion: the command "sh" is in no directory of PATH=` + dir + " of this container\n"},
		"not in the directory":              {[]string{"./sh"}, 127, `pillion: there is no file "./sh" for the command in this container (in the directory ` + dir + ")\n"},
		"not executable":                    {[]string{"./noexec"}, 126, `pillion: the command "./noexec" cannot be executed: permission denied` + "\n"},
		"a directory":                       {[]string{dir}, 126, `pillion: the command "` + dir + `" cannot be executed: is a directory` + "\n"},
		"neither a program nor a script":    {[]string{"./plain"}, 126, `pillion: the command "./plain" cannot be executed: exec format error` + "\n"},
		"a script of an absent interpreter": {[]string{"./orphan"}, 127, `pillion: the command "./orphan" cannot be executed: the interpreter or the loader that it names is not in this container` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(log, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(helper, append([]string{"run", "--termination-log=" + log, "--"}, c.command...)...)
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + dir}
			out, err := cmd.CombinedOutput()
			if got := cmd.ProcessState.ExitCode(); got != c.status || string(out) != c.want {
				t.Errorf("exit status %d (%v), want %d; said\n%s, want\n%s", got, err, c.status, out, c.want)
			}
			if told, _ := os.ReadFile(log); c.status != 0 && "pillion: "+string(told) != c.want {
				t.Errorf("the termination log is %q", told)
			}
		})
	}
}

func TestAWrongWrapperIsRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no command":              {[]string{}, "a command is needed behind --"},
		"no command behind it":    {[]string{"--"}, "a command is needed behind --"},
		"a command without --":    {[]string{"sh"}, `the argument "sh" is unexpected: the command must be behind --`},
		"an unknown flag":         {[]string{"--waite=x", "--", "sh"}, "flag provided but not defined: -waite"},
		"an unknown condition":    {[]string{"--wait=queue:/x", "--", "sh"}, `the condition "queue:/x": it must begin with mqueue`},
		"no time":                 {[]string{"--timeout=0s", "--", "sh"}, "--timeout must be more than 0"},
		"a umask that is none":    {[]string{"--umask=0800", "--", "sh"}, "must be an octal number between 0000 and 0777"},
		"a name without a place":  {[]string{"--name=web", "--", "sh"}, "--name and --state are needed together"},
		"a name that is a path":   {[]string{"--name=../web", "--state=/tmp", "--", "sh"}, `"../web" must be the name of a container`},
		"a container, no place":   {[]string{"--wait=exited:web", "--", "sh"}, "--wait=exited:web needs --state"},
		"a command that has a --": {[]string{"sh", "--", "x"}, `the argument "sh" is unexpected: the command must be behind --`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			if code := run(append([]string{"run"}, tc.args...), nil, io.Discard, &stderr); code != exitUsage {
				t.Errorf("exit status %d, want %d", code, exitUsage)
			}
			if !strings.Contains(stderr.String(), tc.want) {
				t.Errorf("stderr is %q, want it to contain %q", stderr.String(), tc.want)
			}
		})
	}
}
