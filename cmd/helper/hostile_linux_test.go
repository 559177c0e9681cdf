// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What another container can leave in /.pillion/run in the place of a file by which
// containers tell of their start, and what the wrapper says of it.
func junk(victim string) map[string]struct {
	plant func(at string) error
	is    string
} {
	return map[string]struct {
		plant func(at string) error
		is    string
	}{
		"a link to another's file":  {func(at string) error { return os.Symlink(victim, at) }, "is a symbolic link"},
		"a link to what is not yet": {func(at string) error { return os.Symlink(victim+"-new", at) }, "is a symbolic link"},
		"a name of another's file":  {func(at string) error { return os.Link(victim, at) }, "is a file with 2 names"},
		"a named pipe":              {func(at string) error { return syscall.Mkfifo(at, 0o666) }, "is a named pipe"},
		"a socket":                  {func(at string) error { return syscall.Mknod(at, syscall.S_IFSOCK|0o666, 0) }, "is a socket"},
		"a directory":               {func(at string) error { return os.Mkdir(at, 0o777) }, "is a directory"},
	}
}

// stateOf makes the directory in which containers record their start, and a file of
// another container.
func stateOf(t *testing.T) (state, victim string) {
	t.Helper()
	dir := t.TempDir()
	state, victim = filepath.Join(dir, "run"), filepath.Join(dir, "victim")
	if err := errors.Join(os.Mkdir(state, 0o777), os.WriteFile(victim, []byte("precious"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return state, victim
}

func untouched(t *testing.T, victim string) {
	t.Helper()
	if text, err := os.ReadFile(victim); string(text) != "precious" {
		t.Errorf("the other's file holds %q (%v)", text, err)
	}
	if _, err := os.Lstat(victim + "-new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made behind the link: %v", err)
	}
}

const only = ", and only a regular file with one name is opened there: another container may have put it there; remove it\n"

func TestAContainerDoesNotTellOfItsStartInAnothersFile(t *testing.T) {
	t.Parallel()
	for name := range junk("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, victim := stateOf(t)
			c := junk(victim)[name]
			if err := c.plant(filepath.Join(state, "web")); err != nil {
				t.Fatal(err)
			}
			w := start(t, helperIn(t, t.TempDir()), "--name=web", "--state="+state, "--", "echo", "started")
			sentence := "the start of web cannot be recorded for other containers: " + state + "/web " + c.is + only
			w.ends(exited(125), "pillion: "+sentence)
			w.logs(sentence)
			untouched(t, victim)
		})
	}
}

func TestAWaitEndsAtOnceWithAnothersFileInItsWay(t *testing.T) {
	t.Parallel()
	for name := range junk("") {
		for _, what := range []string{"started", "exited"} {
			t.Run(what+" and "+name, func(t *testing.T) {
				t.Parallel()
				state, victim := stateOf(t)
				c := junk(victim)[name]
				if err := c.plant(filepath.Join(state, "web")); err != nil {
					t.Fatal(err)
				}
				w := start(t, helperIn(t, t.TempDir()), "--wait="+what+":web", "--name=after", "--state="+state, "--timeout=24h", "--", "echo", "started")
				sentence := "echo was not started: " + what + ":web: " + state + "/web " + c.is + only
				w.ends(exited(125), "pillion: "+sentence)
				w.logs(sentence)
				untouched(t, victim)
			})
		}
	}
}

// The directory itself, or what is planted while somebody waits.
func TestWhatComesWhileAContainerWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(state, victim string) error
		want  string
	}{
		"a named pipe": {
			func(state, _ string) error { return syscall.Mkfifo(filepath.Join(state, "web"), 0o666) },
			"STATE/web is a named pipe" + only,
		},
		"a link in the place of the directory": {
			func(state, victim string) error {
				return errors.Join(os.Rename(state, state+".old"), os.Symlink(filepath.Dir(victim), state))
			},
			"STATE is a symbolic link" + strings.Replace(only, "a regular file with one name", "a directory", 1),
		},
		"a named pipe in the place of the directory": {
			func(state, _ string) error {
				return errors.Join(os.Rename(state, state+".old"), syscall.Mkfifo(state, 0o666))
			},
			"STATE is a named pipe" + strings.Replace(only, "a regular file with one name", "a directory", 1),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, victim := stateOf(t)
			w := start(t, helperIn(t, t.TempDir()), "--wait=started:web", "--name=victim", "--state="+state, "--timeout=24h", "--", "echo", "started")
			w.hears(w.stderr, "pillion: echo waits for started:web (up to 24h0m0s): started:web: has not started\n")
			if err := c.plant(state, victim); err != nil {
				t.Fatal(err)
			}
			w.ends(exited(125), "pillion: echo was not started: started:web: "+strings.ReplaceAll(c.want, "STATE", state))
			untouched(t, victim)
		})
	}
}

// A file may be as large as it likes: what is read of it is a line.
func TestAHugeFileIsNoStart(t *testing.T) {
	t.Parallel()
	state, _ := stateOf(t)
	if err := errors.Join(os.WriteFile(filepath.Join(state, "web"), nil, 0o600), os.Truncate(filepath.Join(state, "web"), 1<<42)); err != nil {
		t.Fatal(err)
	}
	w := start(t, helperIn(t, t.TempDir()), "--wait=started:web", "--name=after", "--state="+state, "--timeout=50ms", "--", "true")
	w.hears(w.stderr, "pillion: true waits for ")
	w.ends(exited(75), "pillion: true was not started: after 50ms still started:web: has not started\n")
}

// Somebody holds the lock of this container's name forever.
func TestALockThatIsHeldEndsTheStart(t *testing.T) {
	t.Parallel()
	state, _ := stateOf(t)
	holder, err := os.Create(filepath.Join(state, "web"))
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := syscall.Flock(int(holder.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	w := start(t, helperIn(t, t.TempDir()), "--name=web", "--state="+state, "--", "true")
	w.ends(exited(125), "pillion: "+state+"/web cannot be locked: another process holds the lock: two containers with one name, or a process of an earlier start\n")
}

// The last words go to the file that the kubelet made, or nowhere.
func TestLastWordsGoToAFileAlone(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(at, victim string) error{
		"a link":       func(at, victim string) error { return os.Symlink(victim, at) },
		"a named pipe": func(at, _ string) error { return syscall.Mkfifo(at, 0o666) },
		"a directory":  func(at, _ string) error { return os.Mkdir(at, 0o700) },
		"nothing":      func(string, string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, victim := stateOf(t)
			log := filepath.Join(dir, "log")
			if err := plant(log, victim); err != nil {
				t.Fatal(err)
			}
			w := prepare(t, helperIn(t, t.TempDir()), "--termination-log="+log, "--", "no-such-command")
			w.cmd.Env = []string{"PATH=/"}
			if err := w.cmd.Start(); err != nil {
				t.Fatal(err)
			}
			w.ends(exited(127), `pillion: the command "no-such-command" is in no directory of PATH=/ of this container`+"\n")
			untouched(t, victim)
		})
	}
}
