// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheUsageNamesEveryVerbThatIsForPeople(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	if code := run(nil, nil, &said, &said); code != exitUsage {
		t.Errorf("exit status %d, want %d", code, exitUsage)
	}
	const want = `usage: pillion-helper VERB [--flag=value]…
  git-poller         keep a directory equal to a git repository
  git-poller sync    have the git-poller of this container poll now
  git-poller status  print the status of the git-poller of this container
  date-writer        write the date into a file, again and again
  config-reloader    notify an app when the content of directories changes
  ipc-init           make queues, semaphores, shared memory and named pipes
  install            copy this program to where other containers can run it
  run                wait until an app can start, and become the app
  probe              succeed if there is content
  version            print the version
`
	if diff := cmp.Diff(want, said.String()); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

func TestEveryVerbIsFoundByItsNameAndDoesOneThing(t *testing.T) {
	t.Parallel()
	for _, v := range verbs() {
		found, rest, ok := find(append(strings.Fields(v.name), "--flag=1"))
		if !ok || found.name != v.name || !cmp.Equal(rest, []string{"--flag=1"}) {
			t.Errorf("%q is found as %q with %q", v.name, found.name, rest)
		}
		if (v.run == nil) == (v.become == nil) {
			t.Errorf("%q needs either run or become", v.name)
		}
	}
}
