// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pillion-dev/pillion/internal/notify/target"
)

const hup = 1 << (uint(syscall.SIGHUP) - 1)

func TestTheSignalGoesToTheFirstThatHandlesIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		processes processes
		want      []int
	}{
		"the program itself":              {processes{{id: 7, handles: hup}}, []int{7}},
		"a master, and not its workers":   {processes{{id: 7, handles: hup}, {id: 8, parent: 7, handles: hup}, {id: 9, parent: 7, handles: hup}}, []int{7}},
		"what a shell started":            {processes{{id: 7}, {id: 8, parent: 7, handles: hup}}, []int{8}},
		"two programs of a shell":         {processes{{id: 7}, {id: 8, parent: 7, handles: hup}, {id: 9, parent: 7}, {id: 10, parent: 9, handles: hup}}, []int{8, 10}},
		"nobody":                          {processes{{id: 7}, {id: 8, parent: 7}}, nil},
		"a daemon that the pod adopted":   {processes{{id: 7}, {id: 12, parent: 1, handles: hup}, {id: 13, parent: 12, handles: hup}}, []int{12}},
		"the program, not kubectl exec's": {processes{{id: 30, started: 9, handles: hup}, {id: 31, parent: 30, handles: hup}, {id: 7, started: 1, handles: hup}}, []int{7}},
		"nobody: kubectl exec's shell":    {processes{{id: 7, started: 1}, {id: 30, started: 9, handles: hup}}, nil},
		"another signal's handler":        {processes{{id: 7, handles: 1 << (uint(syscall.SIGUSR1) - 1)}}, nil},
		"a circle, of numbers used again": {processes{{id: 7}, {id: 8, parent: 9}, {id: 9, parent: 8, handles: hup}}, nil},
	} {
		var got []int
		for _, p := range tc.processes.handlers(syscall.SIGHUP) {
			got = append(got, p.id)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheContainerIsThatOfTheTerminationLog(t *testing.T) {
	t.Parallel()
	const uid = "5a0f1c2e-6f5b-4c7a-9a55-1f2e3d4c5b6a"
	at := func(root string) string { return "1 2 8:1 " + root + " /dev/termination-log rw - ext4 /dev/sda1 rw\n" }
	other := "1 2 0:22 / /dev/shm rw,relatime - tmpfs tmpfs rw\n"
	for name, tc := range map[string]struct {
		mountinfo string
		want      place
	}{
		"the kubelet's directory":       {other + at("/var/lib/kubelet/pods/"+uid+"/containers/web/0a1b2c3d") + other, place{uid, "web"}},
		"a disk of its own":             {at("/pods/" + uid + "/containers/web/0a1b2c3d"), place{uid, "web"}},
		"another directory":             {at("/k0s/kubelet/pods/" + uid + "/containers/web/0a1b2c3d"), place{uid, "web"}},
		"a static pod":                  {at("/var/lib/kubelet/pods/0123456789abcdef0123456789abcdef/containers/web/0a1b2c3d"), place{"0123456789abcdef0123456789abcdef", "web"}},
		"a file that is removed":        {at("/var/lib/kubelet/pods/" + uid + "/containers/web/0a1b2c3d//deleted"), place{uid, "web"}},
		"a name like another's":         {at("/var/lib/kubelet/pods/" + uid + "/containers/web-2/0a1b2c3d"), place{uid, "web-2"}},
		"a volume":                      {at("/var/lib/kubelet/pods/" + uid + "/volumes/kubernetes.io~empty-dir/web"), place{}},
		"a file below it":               {at("/var/lib/kubelet/pods/" + uid + "/containers/web/0a1b2c3d/x"), place{}},
		"one that is mounted twice":     {at("/pods/"+uid+"/containers/web/0a1b2c3d") + at("/pods/"+uid+"/containers/web/0a1b2c3d"), place{uid, "web"}},
		"one that says two names":       {at("/pods/"+uid+"/containers/web/0a1b2c3d") + at("/pods/"+uid+"/containers/api/0a1b2c3d"), place{}},
		"nothing, as in a virtual node": {at("/") + other, place{}},
		"no lines":                      {"", place{}},
		"short lines":                   {"\n1 2 3\n", place{}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "mountinfo"), []byte(tc.mountinfo), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := placeOf(dir)
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v (%v), want %+v", name, got, err, tc.want)
		}
	}
}

func TestASignalThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	const allowed = "the signals are HUP, USR1, USR2, WINCH, INT, QUIT, TERM"
	for text, want := range map[string]string{
		"":                               `"" must begin with a signal and a colon, such as HUP:nginx; ` + allowed,
		"nginx":                          `"nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed,
		"SIGHUP:nginx":                   `"SIGHUP:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed + `; did you mean "HUP:nginx"?`,
		"hup:nginx":                      `"hup:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed + `; did you mean "HUP:nginx"?`,
		"1:nginx":                        `"1:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed + `; did you mean "HUP:nginx"?`,
		"15:nginx":                       `"15:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed + `; did you mean "TERM:nginx"?`,
		"sigusr1:nginx":                  `"sigusr1:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed + `; did you mean "USR1:nginx"?`,
		"SIGHUPP:nginx":                  `"SIGHUPP:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed + `; did you mean "HUP:nginx"?`,
		"SIGHUP:Nginx":                   `"SIGHUP:Nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed,
		"SIGKILL:nginx":                  `"SIGKILL:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed,
		"KILL:nginx":                     `"KILL:nginx" must begin with a signal and a colon, such as HUP:nginx; ` + allowed,
		"HUP":                            `"HUP" must end with a colon and the name of a container of the pod, such as HUP:nginx`,
		"HUP:":                           `"HUP:" must end with a colon and the name of a container of the pod, such as HUP:nginx`,
		"HUP:../web":                     `"HUP:../web" must end with a colon and the name of a container of the pod, such as HUP:nginx`,
		"HUP:a:b":                        `"HUP:a:b" must end with a colon and the name of a container of the pod, such as HUP:nginx`,
		"TERM:pillion-git-poller":        `"TERM:pillion-git-poller" names a container of Pillion's own; name a container of the app`,
		"HUP:" + strings.Repeat("x", 64): `"HUP:` + strings.Repeat("x", 64) + `" must end with a colon and the name of a container of the pod, such as HUP:nginx`,
	} {
		if _, err := NewSignal(text); err == nil || err.Error() != want {
			t.Errorf("%q: got the error\n%v, want\n%s", text, err, want)
		}
	}
	for _, name := range target.Signals() {
		s, err := NewSignal(name + ":web")
		if err != nil || s.String() != name+":web" {
			t.Errorf("%s:web comes out as %v (%v)", name, s, err)
		}
	}
}

// On the machine of a test there is no kubelet; in gVisor nothing of it can be seen.
func TestARuntimeThatShowsNoNamesIsSaidToShowNone(t *testing.T) {
	t.Parallel()
	s, err := NewSignal("HUP:web")
	if err != nil {
		t.Fatal(err)
	}
	s.proc = t.TempDir()
	if err := os.Mkdir(filepath.Join(s.proc, "self"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.proc, "self", "mountinfo"), []byte("1 0 0:1 / / rw - 9p none rw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Tell(t.Context(), "abc"); err == nil || !strings.HasPrefix(err.Error(), "the container runtime does not show which container a process belongs to") {
		t.Errorf("got the error %v", err)
	}
}
