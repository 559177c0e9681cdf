// SPDX-License-Identifier: Apache-2.0

package start

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

func TestAPairIsReadAndWrittenInOneForm(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ option, value, want string }{
		{umask, "web=2, api=0022", "web=0002,api=0022"},
		{after, "web=tcp:LOCALHOST:05432", "web=tcp:localhost:5432"},
		{after, "web=tcp:[0:0:0::1]:80,api=http://db.example:80,c=http:db.example.:80/a?b=c", "web=tcp:[::1]:80,api=http:db.example:80/,c=http:db.example.:80/a?b=c"},
		{after, "web=sysv-msg:ftok(/a,B),web=sysv-sem:7,web=sysv-shm:0x7", "web=sysv-msg:ftok(/a,66),web=sysv-sem:0x00000007,web=sysv-shm:0x00000007"},
		{after, "web=mqueue:/a,web=shm:/b,web=file:/c d,web=socket:/e,web=fifo:/f,web=started:g,web=exited:h", "web=mqueue:/a,web=shm:/b,web=file:/c d,web=socket:/e,web=fifo:/f,web=started:g,web=exited:h"},
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

func TestAPairThatCannotBeIsDeniedInASentence(t *testing.T) {
	t.Parallel()
	has := func(element, why string) string { return fmt.Sprintf("has %q, which %s", element, why) }
	const (
		oneSlash = "must be a name with one slash in front, such as /events"
		noMask   = "must be an octal mask from 0000 to 0777, such as 0002"
		noHost   = "must have a host that is a DNS name or an IP address, such as localhost"
		noPort   = "must have a port from 1 to 65535"
		noAddr   = "must have a host and a port, such as 127.0.0.1:5432 or [::1]:5432"
		all      = "is not a condition; the conditions are mqueue, sysv-msg, sysv-sem, sysv-shm, shm, file, socket, fifo, tcp, http, started, exited and ready"
	)
	for _, tt := range []struct{ option, value, why string }{
		{umask, "0002", `must be a list of container=value, such as web=0002; "0002" is not one of them`},
		{umask, "web=8", has("web=8", noMask)},
		{umask, "web=2,web=2", has("web=2", "is the second mask of this container")},

		{after, "web", `must be a list of container=value, such as consumer=mqueue:/events; "web" is not one of them`},
		{after, "Web=file:/a", `must be a list of container=value, such as consumer=mqueue:/events; "Web=file:/a" is not one of them`},
		{after, "web=file:/a, web=file:/a", `has "web=file:/a" twice`},
		{after, "web=queue:/a", has("web=queue:/a", all+`; did you mean "mqueue"?`)},
		{after, "web=", has("web=", all)},
		{after, "web=file:a", has("web=file:a", "must be absolute, such as /run/ipc")},
		{after, "web=mqueue:a", has("web=mqueue:a", oneSlash)},
		{after, "web=started:", has("web=started:", "must name a container, such as started:db")},
		{after, "web=tcp:localhost", has("web=tcp:localhost", noAddr)},
		{after, "web=tcp:::1:80", has("web=tcp:::1:80", noAddr)},
		{after, "web=tcp:localhost:0", has("web=tcp:localhost:0", noPort)},
		{after, "web=tcp:localhost:http", has("web=tcp:localhost:http", noPort)},
		{after, "web=tcp:[fe80::1%eth0]:1", has("web=tcp:[fe80::1%eth0]:1", noHost)},
		{after, "web=http:db:80/#a", has("web=http:db:80/#a", "must have a path of letters, digits and any of -._~!$*+;:@=&%/?")},
		{after, "web=https:db:443/", has("web=https:db:443/", "is not a condition: the wrapper knows no certificates; wait with tcp:host:port")},
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

func TestAPasswordInAConditionIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"web=http://u:hunter2@db:80/", "web=http:u:hunter2@db:80/?a", "web=tcp:hunter2@db:1", "web=tcp:u:hunter2%40@db:1,web=file:a", "hunter2@web"} {
		_, got := parseOne(t, after, value)
		if got == "" || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %q", value, got)
		}
	}
}
