// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestObjectsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		"/ch6_ipc?maxmsg=10&msgsize=1024&mode=0600": Queue{"/ch6_ipc", 10, 1024, 0o600},
		"/q":                               Queue{"/q", 10, 8192, 0o666},
		"/q?mode=0640&maxmsg=1":            Queue{"/q", 1, 8192, 0o640},
		"msg:0x00001234?mode=0660":         SysV{Msg, Key{Number: 0x1234}, 0, 0o660},
		"sem:0xffffffff:3":                 SysV{Sem, Key{Number: -1}, 3, 0o666},
		"shm:0x1:1048576":                  SysV{Shm, Key{Number: 1}, 1 << 20, 0o666},
		"msg:ftok(/run/ipc,65)":            SysV{Msg, Key{Path: "/run/ipc", ID: 65}, 0, 0o666},
		"shm:ftok(/a,b:c,255):7?mode=0000": SysV{Shm, Key{Path: "/a,b:c", ID: 255}, 7, 0},
		"/run/ipc/events?mode=0622":        FIFO{"/run/ipc/events", 0o622},
		"/e":                               FIFO{"/e", 0o666},
	} {
		var got any
		var err error
		switch want.(type) {
		case Queue:
			got, err = ParseQueue(text)
		case SysV:
			got, err = ParseSysV(text)
		case FIFO:
			got, err = ParseFIFO(text)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

func TestWhatIsNoObjectIsRefused(t *testing.T) {
	t.Parallel()
	queue := func(text string) error { _, err := ParseQueue(text); return err }
	sysv := func(text string) error { _, err := ParseSysV(text); return err }
	fifo := func(text string) error { _, err := ParseFIFO(text); return err }
	for _, c := range []struct {
		parse      func(string) error
		text, want string
	}{
		{queue, "q", `the name "q" of the queue must be a slash and 1 to 255 characters without a slash, such as /jobs`},
		{queue, "/a/b", `the name "/a/b" of the queue must be a slash and 1 to 255 characters without a slash, such as /jobs`},
		{queue, "/..", `the name "/.." of the queue must be a slash and 1 to 255 characters without a slash, such as /jobs`},
		{queue, "/q?size=1", `"/q?size=1" has no attribute "size"`},
		{queue, "/q?", `"/q?" has no attribute ""`},
		{queue, "/q?maxmsg=1&maxmsg=2", `"/q?maxmsg=1&maxmsg=2" has the attribute maxmsg twice`},
		{queue, "/q?maxmsg=0", `maxmsg of "/q?maxmsg=0" must be a number between 1 and 2147483647, not "0"`},
		{queue, "/q?msgsize=4294967297", `msgsize of "/q?msgsize=4294967297" must be a number between 1 and 2147483647, not "4294967297"`},
		{queue, "/q?mode=666", `mode of "/q?mode=666" must be four octal digits between 0000 and 0777, such as 0666, not "666"`},
		{queue, "/q?mode=1777", `mode of "/q?mode=1777" must be four octal digits between 0000 and 0777, such as 0666, not "1777"`},
		{sysv, "pipe:0x1", `"pipe:0x1" must begin with the kind and a colon: msg, sem or shm`},
		{sysv, "msg:0x0", `the key "0x0" must be a number between 0x00000001 and 0xffffffff, or ftok(PATH,ID)`},
		{sysv, "msg:1234", `the key "1234" must be a number between 0x00000001 and 0xffffffff, or ftok(PATH,ID)`},
		{sysv, "msg:0x100000000", `the key "0x100000000" must be a number between 0x00000001 and 0xffffffff, or ftok(PATH,ID)`},
		{sysv, "msg:ftok(run,65)", `the key "ftok(run,65)" must be ftok(PATH,ID), with a path that begins with a slash`},
		{sysv, "msg:ftok(/run,65", `the key "ftok(/run,65" must be ftok(PATH,ID), with a path that begins with a slash`},
		{sysv, "msg:ftok(/run,256)", `the id of the key "ftok(/run,256)" must be a number between 1 and 255, not "256"`},
		{sysv, "sem:0x1", `"sem:0x1" needs a size behind the key: sem:KEY:N or shm:KEY:BYTES`},
		{sysv, "shm:0x1:0", `the size of "shm:0x1:0" must be a whole number of at least 1, not "0"`},
		{sysv, "shm:0x1:1Mi", `the size of "shm:0x1:1Mi" must be a whole number of at least 1, not "1Mi"`},
		{sysv, "msg:0x1?maxmsg=1", `"msg:0x1?maxmsg=1" has no attribute "maxmsg"`},
		{fifo, "run/x", `the path "run/x" of the named pipe must begin with a slash and have no empty, . or .. part`},
		{fifo, "/run/../x", `the path "/run/../x" of the named pipe must begin with a slash and have no empty, . or .. part`},
	} {
		err := c.parse(c.text)
		if err == nil {
			t.Errorf("%s is accepted", c.text)
		} else if err.Error() != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, err, c.want)
		}
	}
}
