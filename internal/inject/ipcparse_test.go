// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"fmt"
	"strings"
	"testing"
)

const (
	keyShm     = "ipc.pillion.dev/shm"
	keyQueues  = "ipc.pillion.dev/mqueue"
	keySysV    = "ipc.pillion.dev/sysv"
	keySocket  = "ipc.pillion.dev/socket"
	keyFIFO    = "ipc.pillion.dev/fifo"
	keyProcess = "ipc.pillion.dev/process"
	keyHuge    = "ipc.pillion.dev/hugepages"
	keySysctls = "ipc.pillion.dev/sysctls"
	keyGID     = "ipc.pillion.dev/gid"
	keyIPCWho  = "ipc.pillion.dev/containers"
	keyAfter   = "start.pillion.dev/after"
	keyTimeout = "start.pillion.dev/timeout"
	keyUmask   = "start.pillion.dev/umask"
)

func TestAnObjectIsReadAndWrittenInOneForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ key, value, want string }{
		{keyQueues, "/ch6_ipc?maxmsg=10&msgsize=1024", "/ch6_ipc?maxmsg=10&msgsize=1024&mode=0666"},
		{keyQueues, "/a", "/a?maxmsg=10&msgsize=8192&mode=0666"},
		{keyQueues, "/a ,  /B-._9?mode=7&uid=1000", "/a?maxmsg=10&msgsize=8192&mode=0666,/B-._9?maxmsg=10&msgsize=8192&mode=0007&uid=1000"},
		{keyQueues, "/a?uid=2147483647&mode=0600&msgsize=16777216&maxmsg=65536", "/a?maxmsg=65536&msgsize=16777216&mode=0600&uid=2147483647"},
		{keyQueues, "/a?mode=0777", "/a?maxmsg=10&msgsize=8192&mode=0777"},
		{keySysV, "sem:1:32000", "sem:0x00000001:32000?mode=0666"},
		{keySysV, "msg:0x1234", "msg:0x00001234?mode=0666"},
		{keySysV, "msg:4660,sem:0XABCDEF:3,shm:4294967295:1Mi?mode=600", "msg:0x00001234?mode=0666,sem:0x00abcdef:3?mode=0666,shm:0xffffffff:1048576?mode=0600"},
		{keySysV, "msg:1,sem:1:1,shm:1:1", "msg:0x00000001?mode=0666,sem:0x00000001:1?mode=0666,shm:0x00000001:1?mode=0666"},
		{keySysV, "msg:ftok(/run/ipc,65)", "msg:ftok(/run/ipc,65)?mode=0666"},
		{keySysV, "msg:ftok(/run/ipc, A), sem:ftok(/a:b/c d,1):7?uid=5", "msg:ftok(/run/ipc,65)?mode=0666,sem:ftok(/a:b/c d,1):7?mode=0666&uid=5"},
		{keyFIFO, "/run/ipc/events", "/run/ipc/events?mode=0666"},
		{keyFIFO, "/run/ipc/a=b c?mode=0640,/run/$HOME/d", "/run/ipc/a=b c?mode=0640,/run/$HOME/d?mode=0666"},
		{keyHuge, "2048Ki:1024Mi", "2Mi:1Gi"},
		{keyHuge, "64Ki:64Ki", "64Ki:64Ki"},
		{keySysctls, "kernel.msgmax=65536, kernel.sem = 250  32000 32 128", "kernel.msgmax=65536,kernel.sem=250 32000 32 128"},
		{keyUmask, "web=2, api=0022", "web=0002,api=0022"},
		{keyAfter, "web=tcp:LOCALHOST:05432", "web=tcp:localhost:5432"},
		{keyAfter, "web=tcp:[0:0:0::1]:80,api=http://db.example:80,c=http:db.example.:80/a?b=c", "web=tcp:[::1]:80,api=http:db.example:80/,c=http:db.example.:80/a?b=c"},
		{keyAfter, "web=sysv-msg:ftok(/a,B),web=sysv-sem:7,web=sysv-shm:0x7", "web=sysv-msg:ftok(/a,66),web=sysv-sem:0x00000007,web=sysv-shm:0x00000007"},
		{keyAfter, "web=mqueue:/a,web=shm:/b,web=file:/c d,web=socket:/e,web=fifo:/f,web=started:g,web=exited:h", "web=mqueue:/a,web=shm:/b,web=file:/c d,web=socket:/e,web=fifo:/f,web=started:g,web=exited:h"},
	} {
		t.Run(tt.key+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			v, why := parseOne(t, tt.key, tt.value)
			if v.Text != tt.want {
				t.Errorf("got  %s %s\nwant %s", v.Text, why, tt.want)
			}
		})
	}
}

func TestAnObjectThatCannotBeIsRefusedInASentence(t *testing.T) {
	t.Parallel()
	has := func(element, why string) string { return fmt.Sprintf("has %q, which %s", element, why) }
	const (
		letters  = "must be a slash and at most 255 letters, digits, '-', '_' or '.', such as /events"
		oneSlash = "must be a name with one slash in front, such as /events"
		noKey    = "has no valid key: a key is a number of 32 bits, such as 4660 or 0x1234, or ftok(/run/ipc,65)"
		noFtok   = "has no valid key: write ftok(path,id), such as ftok(/run/ipc,65)"
		noID     = "has an ftok id that is neither a number from 1 to 255 nor one character"
		noMode   = "has a mode that is not octal; it is 0000 to 0777, such as 0660"
		noMask   = "must be an octal mask from 0000 to 0777, such as 0002"
		kinds    = "must be msg:KEY, sem:KEY:COUNT or shm:KEY:SIZE"
		noHost   = "must have a host that is a DNS name or an IP address, such as localhost"
		noPort   = "must have a port from 1 to 65535"
		noAddr   = "must have a host and a port, as 127.0.0.1:5432 or [::1]:5432 have"
		all      = "is not a condition; the conditions are mqueue, sysv-msg, sysv-sem, sysv-shm, shm, file, socket, fifo, tcp, http, started and exited"
	)
	for _, tt := range []struct{ key, value, why string }{
		{keyQueues, "a", has("a", oneSlash)},
		{keyQueues, "/a/b", has("/a/b", oneSlash)},
		{keyQueues, "/a,", has("", oneSlash)},
		{keyQueues, "/a),/b", has("/a)", letters)},
		{keyQueues, "/", has("/", letters)},
		{keyQueues, "/..", has("/..", letters)},
		{keyQueues, "/$(A)", has("/$(A)", letters)},
		{keyQueues, "/" + strings.Repeat("a", 256), has("/"+strings.Repeat("a", 256), letters)},
		{keyQueues, "/a,/b,/a?mode=0600", "has /a twice"},
		{keyQueues, "/a?maxmsgs=1", has("/a?maxmsgs=1", `has the attribute "maxmsgs"; there are maxmsg, msgsize, mode and uid; did you mean "maxmsg"?`)},
		{keyQueues, "/a?", has("/a?", `has the attribute ""; there are maxmsg, msgsize, mode and uid`)},
		{keyQueues, "/a?mode=0600&mode=0600", has("/a?mode=0600&mode=0600", "has the attribute mode twice")},
		{keyQueues, "/a?mode=rw", has("/a?mode=rw", noMode)},
		{keyQueues, "/a?mode=1777", has("/a?mode=1777", noMode)},
		{keyQueues, "/a?mode=1000", has("/a?mode=1000", noMode)},
		{keyQueues, "/a?mode=", has("/a?mode=", noMode)},
		{keyQueues, "/a?mode=+7", has("/a?mode=+7", noMode)},
		{keyQueues, "/a?maxmsg=0", has("/a?maxmsg=0", "has a maxmsg that is not a number from 1 to 65536")},
		{keyQueues, "/a?msgsize=1Ki", has("/a?msgsize=1Ki", "has a msgsize that is not a number from 1 to 16777216")},
		{keyQueues, "/a?uid=0", has("/a?uid=0", "belongs to root (uid 0), as which no container of Pillion runs; name another user")},
		{keyQueues, "/a?uid=2147483648", has("/a?uid=2147483648", "has a uid that is not a number from 1 to 2147483647")},
		{keyQueues, strings.TrimSuffix(strings.Repeat("/a?uid=1,", 60), ","), "has /a twice"},

		{keySysV, "queue:1", has("queue:1", kinds)},
		{keySysV, "0x1234", has("0x1234", kinds)},
		{keySysV, "msg:0", has("msg:0", "has the key 0, IPC_PRIVATE, under which nobody can find an object again")},
		{keySysV, "msg:0x0", has("msg:0x0", "has the key 0, IPC_PRIVATE, under which nobody can find an object again")},
		{keySysV, "msg:0777", has("msg:0777", "has a key that begins with 0, which some read as octal; write 0x and hexadecimal digits")},
		{keySysV, "msg:-1", has("msg:-1", noKey)},
		{keySysV, "msg:0x100000000", has("msg:0x100000000", noKey)},
		{keySysV, "msg:", has("msg:", noKey)},
		{keySysV, "msg:1:2", has("msg:1:2", "has something behind the key, and a message queue has no size")},
		{keySysV, "sem:1", has("sem:1", "must say how many semaphores the set has, from 1 to 32000: sem:1:3")},
		{keySysV, "sem:1:0", has("sem:1:0", "must say how many semaphores the set has, from 1 to 32000: sem:1:3")},
		{keySysV, "sem:1:32001", has("sem:1:32001", "must say how many semaphores the set has, from 1 to 32000: sem:1:3")},
		{keySysV, "shm:1:0", has("shm:1:0", "must say how many bytes the segment has: shm:1:1Mi")},
		{keySysV, "shm:1:1?maxmsg=1", has("shm:1:1?maxmsg=1", `has the attribute "maxmsg"; there are mode and uid`)},
		{keySysV, "msg:0x1,msg:1", "has msg:0x00000001 twice"},
		{keySysV, "msg:ftok(/a", has("msg:ftok(/a", noFtok)},
		{keySysV, "msg:ftok(/a)", has("msg:ftok(/a)", noFtok)},
		{keySysV, "msg:ftok(/a,256)", has("msg:ftok(/a,256)", noID)},
		{keySysV, "msg:ftok(/a,0)", has("msg:ftok(/a,0)", noID)},
		{keySysV, "msg:ftok(/a,)", has("msg:ftok(/a,)", noID)},
		{keySysV, "msg:ftok(,1)", has("msg:ftok(,1)", "has an ftok path that must be absolute, such as /run/ipc")},
		{keySysV, "msg:ftok((a,b),1)", has("msg:ftok((a,b),1)", "has an ftok path that must be absolute, such as /run/ipc")},
		{keySysV, "msg:ftok(a,1)", has("msg:ftok(a,1)", "has an ftok path that must be absolute, such as /run/ipc")},
		{keySysV, "msg:ftok(/a/../b,1)", has("msg:ftok(/a/../b,1)", `has an ftok path that must be clean: write "/b"`)},
		{keySysV, "msg:ftok(/a?,1)", has("msg:ftok(/a?,1)", noFtok)},

		{keyFIFO, "events", has("events", "must be an absolute path in a folder, such as /run/ipc/events")},
		{keyFIFO, "/events", has("/events", "must be an absolute path in a folder, such as /run/ipc/events")},
		{keyFIFO, "a/b", has("a/b", "is in a folder that must be an absolute path, such as /usr/share/nginx/html")},
		{keyFIFO, "/run/events", has("/run/events", "is in a folder that would hide all of /run in the container; name a folder below it")},
		{keyFIFO, "/run/ipc/", has("/run/ipc/", "must end with the name of the pipe, as /run/ipc/events does")},
		{keyFIFO, "/run/ipc/..", has("/run/ipc/..", "must end with the name of the pipe, as /run/ipc/events does")},
		{keyFIFO, "/run/ipc/$(A)", has("/run/ipc/$(A)", "must not contain any of ?&,()")},

		{keyHuge, "512Mi", "must have a multiple of the page size behind the colon, such as 2Mi:512Mi"},
		{keyHuge, "2Mi:3Mi", "must have a multiple of the page size behind the colon, such as 2Mi:512Mi"},
		{keyHuge, "3Mi:3Mi", "must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi"},
		{keyHuge, "32Ki:32Ki", "must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi"},
		{keyHuge, "4Ki:4Ki", "must be the size of a page that the nodes have, a colon and an amount, such as 2Mi:512Mi"},

		{keySysctls, "kernel.msgmax", `must be a list of name=value, such as kernel.msgmax=65536; "kernel.msgmax" is not one of them`},
		{keySysctls, "kernel/msgmax=1", has("kernel/msgmax=1", "must have dots between its parts, such as kernel.msgmax")},
		{keySysctls, "Kernel.Msgmax=1", has("Kernel.Msgmax=1", "must be the name of a sysctl, such as kernel.msgmax")},
		{keySysctls, "kernel.msgmax=", `has "kernel.msgmax=", whose value is not one or more numbers`},
		{keySysctls, "kernel.msgmax=$(A)", `has "kernel.msgmax=$(A)", whose value is not one or more numbers`},
		{keySysctls, "kernel.msgmax=1,kernel.msgmax=2", "has kernel.msgmax twice"},

		{keyUmask, "0002", `must be a list of container=value, such as web=0002; "0002" is not one of them`},
		{keyUmask, "web=8", has("web=8", noMask)},
		{keyUmask, "web=2,web=2", has("web=2", "is the second mask of this container")},

		{keyAfter, "web", `must be a list of container=value, such as consumer=mqueue:/events; "web" is not one of them`},
		{keyAfter, "Web=file:/a", `must be a list of container=value, such as consumer=mqueue:/events; "Web=file:/a" is not one of them`},
		{keyAfter, "web=file:/a, web=file:/a", `has "web=file:/a" twice`},
		{keyAfter, "web=queue:/a", has("web=queue:/a", all+`; did you mean "mqueue"?`)},
		{keyAfter, "web=", has("web=", all)},
		{keyAfter, "web=file:a", has("web=file:a", "must be absolute, such as /run/ipc")},
		{keyAfter, "web=mqueue:a", has("web=mqueue:a", oneSlash)},
		{keyAfter, "web=started:", has("web=started:", "must name a container, as started:db does")},
		{keyAfter, "web=tcp:localhost", has("web=tcp:localhost", noAddr)},
		{keyAfter, "web=tcp:::1:80", has("web=tcp:::1:80", noAddr)},
		{keyAfter, "web=tcp:localhost:0", has("web=tcp:localhost:0", noPort)},
		{keyAfter, "web=tcp:localhost:http", has("web=tcp:localhost:http", noPort)},
		{keyAfter, "web=tcp:[fe80::1%eth0]:1", has("web=tcp:[fe80::1%eth0]:1", noHost)},
		{keyAfter, "web=http:db:80/#a", has("web=http:db:80/#a", "must have a path of letters, digits and any of -._~!$*+;:@=&%/?")},
		{keyAfter, "web=https:db:443/", has("web=https:db:443/", "is not a condition: the wrapper knows no certificates; wait with tcp:host:port")},
	} {
		t.Run(tt.key+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			_, got := parseOne(t, tt.key, tt.value)
			if want := wrong(tt.key, shown(KindQueues, tt.value), tt.why); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestAPasswordInAConditionIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"web=http://u:hunter2@db:80/", "web=http:u:hunter2@db:80/?a", "web=tcp:hunter2@db:1", "web=tcp:u:hunter2%40@db:1,web=file:a", "hunter2@web"} {
		_, got := parseOne(t, keyAfter, value)
		if got == "" || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q", value, got)
		}
	}
}

func TestAListIsNotLongerThanItMayBeOnceItIsWrittenOut(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("/q%d", i))
	}
	_, got := parseOne(t, keyQueues, strings.Join(names, ","))
	if !strings.Contains(got, "bytes long with all defaults written out; the limit is 2048") {
		t.Errorf("got %q", got)
	}
}

func TestAListMayHaveAsManyBytesAsAValue(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("a", maxValue/2)
	if text, err := joinList([]string{half, half[1:]}); len(text) != maxValue || err != nil {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	const want = "is 2049 bytes long with all defaults written out; the limit is 2048"
	if _, err := joinList([]string{half, half}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
