// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"testing"
	"time"
)

// commits pushes commit after commit, numbered and as test/e2e/cmd/readers wants them. The
// largest file is several pages long, and no longer than 100,000 reads in a minute need.
const commits = `cd /tmp/w; n=0; while [ ! -e /tmp/enough ]; do
	n=$((n+1)); rm -rf *; mkdir -p a/b c pages; size=1
	for f in index.html a/one.txt a/b/two.txt c/three.txt pages/$n.html; do
		{ echo $n $size; yes $n | head -n $size; } >$f; size=$((size*10)); done
	git add -A; git commit -qm $n; git push -q origin HEAD:main; [ $n -ne 1 ] || touch /tmp/begun
	done; echo $n`

// What is promised: whoever opens a directory of the content, and everything else
// below it as openat(2) does, reads one commit, whole; an open directory stays as it
// is for a minute after the next commit came; a path by itself leads to a whole file,
// never to one of an older commit than a path before did.
//
// What is not: two paths that are looked up one after the other can be of two
// commits, if the next one came in between. That is also all that the kubelet
// promises for a ConfigMap. An app that needs more opens ..data once.
func TestReadersNeverSeeTwoCommitsInOneDirectory(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	ctx, cancel := context.WithCancel(t.Context())
	pushed := make(chan error, 1)
	var total string
	go func() {
		var err error
		total, err = kubectl(ctx, "", "-n", s.namespace, "exec", "git", "--", "busybox", "sh", "-ec", commits)
		pushed <- err
	}()
	s.await(func() error {
		_, err := kubectl(ctx, "", "-n", s.namespace, "exec", "git", "--", "busybox", "test", "-e", "/tmp/begun")
		return err
	})
	s.apply(site(ip, ""))
	s.wait("pod/web", "Ready")

	start := time.Now()
	out := s.kubectl("exec", "web", "-c", "web", "--", "readers", "--root=/usr/share/nginx/html", "--reads=100000", "--flips=10", "--timeout=20m")
	var seen struct{ Reads, Flips, Straddled int }
	if err := json.Unmarshal([]byte(out), &seen); err != nil || seen.Reads < 100_000 || seen.Flips < 10 {
		t.Errorf("the readers saw %s (%v), want at least 100000 reads and 10 flips", out, err)
	}
	t.Logf("%d reads and %d flips in %v; %d times the next path led to another commit than the one before",
		seen.Reads, seen.Flips, time.Since(start).Round(time.Second), seen.Straddled)
	s.git("touch /tmp/enough")
	if err := <-pushed; err != nil {
		t.Error(err)
	}
	t.Logf("commits pushed: %s", total)
	cancel()
}
