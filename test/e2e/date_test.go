// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// web is Debian's nginx as an app: it serves /usr/share/nginx/html at port 8080.
const web = `
  containers:
    - name: web
      image: pillion.test/e2e:dev
      command: [nginx]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
      volumeMounts: [{name: tmp, mountPath: /tmp}]
  volumes: [{name: tmp, emptyDir: {}}]
`

// The first of the two pods that started the project: nginx, and a helper that writes
// the date.
func TestThePageGrowsEverySecond(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.apply(`
apiVersion: v1
kind: Pod
metadata:
  name: mc1
  labels: {app: mc1}
  annotations:
    date-writer.pillion.dev/mount-path: /usr/share/nginx/html
spec:` + web + unhurried)
	s.wait("pod/mc1", "Ready")
	first := s.page("mc1", "") // the very first answer: the app starts after the first date
	if _, err := time.Parse(time.UnixDate, strings.Split(first, "\n")[0]); err != nil {
		t.Errorf("the first line of the page is no date: %v", err)
	}
	s.await(func() error {
		if grown := s.page("mc1", ""); strings.Count(grown, "\n") < strings.Count(first, "\n")+3 || !strings.HasPrefix(grown, first) {
			return errors.New("the page does not grow")
		}
		return nil
	})
	s.deletesAtOnce("mc1")
}
