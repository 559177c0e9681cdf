// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// wrong is what a user reads of a wrong value, behind the path of its annotation.
func wrong(value, why string) string { return fmt.Sprintf("Invalid value: %q: %s", value, why) }

// parseOne reads a value and returns it, or the sentence that denies it.
func parseOne(t *testing.T, name, text string) (option.Value, string) {
	t.Helper()
	o := Helper().Option(name)
	if o == nil {
		t.Fatalf("there is no option %s", name)
	}
	v, err := o.Parse(text)
	if err != nil {
		return option.Value{}, wrong(o.Kind.Shown(text), err.Error())
	}
	return v, ""
}

// plain shows a value as it is, unless it is long.
var plain = option.Kind{}

func TestAnObjectIsReadAndWrittenInOneForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ option, value, want string }{
		{mqueue, "/ch6_ipc?maxmsg=10&msgsize=1024", "/ch6_ipc?maxmsg=10&msgsize=1024&mode=0666"},
		{mqueue, "/a", "/a?maxmsg=10&msgsize=8192&mode=0666"},
		{mqueue, "/a ,  /B-._9?mode=7&uid=1000", "/a?maxmsg=10&msgsize=8192&mode=0666,/B-._9?maxmsg=10&msgsize=8192&mode=0007&uid=1000"},
		{mqueue, "/a?uid=2147483647&mode=0600&msgsize=16777216&maxmsg=65536", "/a?maxmsg=65536&msgsize=16777216&mode=0600&uid=2147483647"},
		{mqueue, "/a?mode=0777", "/a?maxmsg=10&msgsize=8192&mode=0777"},
		{sysv, "sem:1:32000", "sem:0x00000001:32000?mode=0666"},
		{sysv, "msg:0x1234", "msg:0x00001234?mode=0666"},
		{sysv, "msg:4660,sem:0XABCDEF:3,shm:4294967295:1Mi?mode=600", "msg:0x00001234?mode=0666,sem:0x00abcdef:3?mode=0666,shm:0xffffffff:1048576?mode=0600"},
		{sysv, "msg:1,sem:1:1,shm:1:1", "msg:0x00000001?mode=0666,sem:0x00000001:1?mode=0666,shm:0x00000001:1?mode=0666"},
		{sysv, "msg:ftok(/run/ipc,65)", "msg:ftok(/run/ipc,65)?mode=0666"},
		{sysv, "msg:ftok(/run/ipc, A), sem:ftok(/a:b/c d,1):7?uid=5", "msg:ftok(/run/ipc,65)?mode=0666,sem:ftok(/a:b/c d,1):7?mode=0666&uid=5"},
		{fifo, "/run/ipc/events", "/run/ipc/events?mode=0666"},
		{fifo, "/run/ipc/a=b c?mode=0640,/run/$HOME/d", "/run/ipc/a=b c?mode=0640,/run/$HOME/d?mode=0666"},
		{hugepages, "2048Ki:1024Mi", "2Mi:1Gi"},
		{hugepages, "64Ki:64Ki", "64Ki:64Ki"},
		{sysctls, "kernel.msgmax=65536, kernel.sem = 250  32000 32 128", "kernel.msgmax=65536,kernel.sem=250 32000 32 128"},
	} {
		t.Run(tt.option+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			v, why := parseOne(t, tt.option, tt.value)
			if v.Text != tt.want {
				t.Errorf("got  %s %s\nwant %s", v.Text, why, tt.want)
			}
		})
	}
}

func TestAnObjectThatCannotBeIsDeniedInASentence(t *testing.T) {
	t.Parallel()
	has := func(element, why string) string { return fmt.Sprintf("has %q, which %s", element, why) }
	const (
		letters  = "must be a slash and at most 255 letters, digits, '-', '_' or '.', such as /events"
		oneSlash = "must be a name with one slash in front, such as /events"
		noKey    = "has no valid key: a key is a number of 32 bits, such as 4660 or 0x1234, or ftok(/run/ipc,65)"
		noFtok   = "has no valid key: write ftok(path,id), such as ftok(/run/ipc,65)"
		noID     = "has an ftok id that is neither a number from 1 to 255 nor one character"
		noMode   = "has a mode that is not octal; it is 0000 to 0777, such as 0660"
		kinds    = "must be msg:KEY, sem:KEY:COUNT or shm:KEY:SIZE"
	)
	for _, tt := range []struct{ option, value, why string }{
		{mqueue, "a", has("a", oneSlash)},
		{mqueue, "/a/b", has("/a/b", oneSlash)},
		{mqueue, "/a,", has("", oneSlash)},
		{mqueue, "/a),/b", has("/a)", letters)},
		{mqueue, "/", has("/", letters)},
		{mqueue, "/..", has("/..", letters)},
		{mqueue, "/$(A)", has("/$(A)", letters)},
		{mqueue, "/" + strings.Repeat("a", 256), has("/"+strings.Repeat("a", 256), letters)},
		{mqueue, "/a,/b,/a?mode=0600", "has /a twice"},
		{mqueue, "/a?maxmsgs=1", has("/a?maxmsgs=1", `has the attribute "maxmsgs"; there are maxmsg, msgsize, mode and uid; did you mean "maxmsg"?`)},
		{mqueue, "/a?", has("/a?", `has the attribute ""; there are maxmsg, msgsize, mode and uid`)},
		{mqueue, "/a?mode=0600&mode=0600", has("/a?mode=0600&mode=0600", "has the attribute mode twice")},
		{mqueue, "/a?mode=rw", has("/a?mode=rw", noMode)},
		{mqueue, "/a?mode=1777", has("/a?mode=1777", noMode)},
		{mqueue, "/a?mode=1000", has("/a?mode=1000", noMode)},
		{mqueue, "/a?mode=", has("/a?mode=", noMode)},
		{mqueue, "/a?mode=+7", has("/a?mode=+7", noMode)},
		{mqueue, "/a?maxmsg=0", has("/a?maxmsg=0", "has a maxmsg that is not a number from 1 to 65536")},
		{mqueue, "/a?msgsize=1Ki", has("/a?msgsize=1Ki", "has a msgsize that is not a number from 1 to 16777216")},
		{mqueue, "/a?uid=0", has("/a?uid=0", "belongs to root (uid 0), and containers of Pillion never run as root; name another user")},
		{mqueue, "/a?uid=2147483648", has("/a?uid=2147483648", "has a uid that is not a number from 1 to 2147483647")},
		{mqueue, strings.TrimSuffix(strings.Repeat("/a?uid=1,", 60), ","), "has /a twice"},

		{sysv, "queue:1", has("queue:1", kinds)},
		{sysv, "0x1234", has("0x1234", kinds)},
		{sysv, "msg:0", has("msg:0", "has the key 0, IPC_PRIVATE, under which nobody can find an object again")},
		{sysv, "msg:0x0", has("msg:0x0", "has the key 0, IPC_PRIVATE, under which nobody can find an object again")},
		{sysv, "msg:0777", has("msg:0777", "has a key that begins with 0, which some read as octal; write 0x and hexadecimal digits")},
		{sysv, "msg:-1", has("msg:-1", noKey)},
		{sysv, "msg:0x100000000", has("msg:0x100000000", noKey)},
		{sysv, "msg:", has("msg:", noKey)},
		{sysv, "msg:1:2", has("msg:1:2", "has something behind the key, and a message queue has no size")},
		{sysv, "sem:1", has("sem:1", "must say how many semaphores the set has, from 1 to 32000: sem:1:3")},
		{sysv, "sem:1:0", has("sem:1:0", "must say how many semaphores the set has, from 1 to 32000: sem:1:3")},
		{sysv, "sem:1:32001", has("sem:1:32001", "must say how many semaphores the set has, from 1 to 32000: sem:1:3")},
		{sysv, "shm:1:0", has("shm:1:0", "must say how many bytes the segment has: shm:1:1Mi")},
		{sysv, "shm:1:1?maxmsg=1", has("shm:1:1?maxmsg=1", `has the attribute "maxmsg"; there are mode and uid`)},
		{sysv, "msg:0x1,msg:1", "has msg:0x00000001 twice"},
		{sysv, "msg:ftok(/a", has("msg:ftok(/a", noFtok)},
		{sysv, "msg:ftok(/a)", has("msg:ftok(/a)", noFtok)},
		{sysv, "msg:ftok(/a,256)", has("msg:ftok(/a,256)", noID)},
		{sysv, "msg:ftok(/a,0)", has("msg:ftok(/a,0)", noID)},
		{sysv, "msg:ftok(/a,)", has("msg:ftok(/a,)", noID)},
		{sysv, "msg:ftok(,1)", has("msg:ftok(,1)", "has an ftok path that must be absolute, such as /run/ipc")},
		{sysv, "msg:ftok((a,b),1)", has("msg:ftok((a,b),1)", "has an ftok path that must be absolute, such as /run/ipc")},
		{sysv, "msg:ftok(a,1)", has("msg:ftok(a,1)", "has an ftok path that must be absolute, such as /run/ipc")},
		{sysv, "msg:ftok(/a/../b,1)", has("msg:ftok(/a/../b,1)", `has an ftok path that must be clean: write "/b"`)},
		{sysv, "msg:ftok(/a?,1)", has("msg:ftok(/a?,1)", noFtok)},

		{fifo, "events", has("events", "must be an absolute path in a directory, such as /run/ipc/events")},
		{fifo, "/events", has("/events", "must be an absolute path in a directory, such as /run/ipc/events")},
		{fifo, "a/b", has("a/b", "is in a directory that must be an absolute path, such as /usr/share/nginx/html")},
		{fifo, "/run/events", has("/run/events", "is in a directory that would hide all of /run in the container; name a directory below it")},
		{fifo, "/run/ipc/", has("/run/ipc/", "must end with the name of the pipe, such as /run/ipc/events")},
		{fifo, "/run/ipc/..", has("/run/ipc/..", "must end with the name of the pipe, such as /run/ipc/events")},
		{fifo, "/run/ipc/$(A)", has("/run/ipc/$(A)", "must not contain any of ?&,()")},

		{hugepages, "512Mi", "must have a multiple of the page size behind the colon, such as 2Mi:512Mi"},
		{hugepages, "2Mi:3Mi", "must have a multiple of the page size behind the colon, such as 2Mi:512Mi"},
		{hugepages, "3Mi:3Mi", "must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi"},
		{hugepages, "32Ki:32Ki", "must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi"},
		{hugepages, "4Ki:4Ki", "must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi"},

		{sysctls, "kernel.msgmax", `must be a list of name=value, such as kernel.msgmax=65536; "kernel.msgmax" is not one of them`},
		{sysctls, "kernel/msgmax=1", has("kernel/msgmax=1", "must have dots between its parts, such as kernel.msgmax")},
		{sysctls, "Kernel.Msgmax=1", has("Kernel.Msgmax=1", "must be the name of a sysctl, such as kernel.msgmax")},
		{sysctls, "kernel.msgmax=", `has "kernel.msgmax=", whose value is not one or more numbers`},
		{sysctls, "kernel.msgmax=$(A)", `has "kernel.msgmax=$(A)", whose value is not one or more numbers`},
		{sysctls, "kernel.msgmax=1,kernel.msgmax=2", "has kernel.msgmax twice"},
	} {
		t.Run(tt.option+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			_, got := parseOne(t, tt.option, tt.value)
			if want := wrong(plain.Shown(tt.value), tt.why); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestAListIsNotLongerThanItMayBeOnceItIsWrittenOut(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("/q%d", i))
	}
	_, got := parseOne(t, mqueue, strings.Join(names, ","))
	if !strings.Contains(got, "bytes long with all defaults written out; the limit is 2048") {
		t.Errorf("got %q", got)
	}
}
