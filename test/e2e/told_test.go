// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// nginxConf is a whole configuration whose only page says something.
func nginxConf(says string) string {
	return fmt.Sprintf(`daemon off; pid /tmp/nginx.pid; error_log stderr; worker_processes 1; events {} http { access_log off; `+
		`client_body_temp_path /tmp/b; fastcgi_temp_path /tmp/f; proxy_temp_path /tmp/p; scgi_temp_path /tmp/s; uwsgi_temp_path /tmp/u; `+
		`server { listen 8080; location / { return 200 "%s"; } } }`, says)
}

// configured is nginx with the configuration of a folder, as the user that helpers run as.
const configured = `
  containers:
    - name: web
      image: pillion.test/e2e:dev
      command: [nginx, -c, /srv/conf/nginx.conf]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
      securityContext: {runAsUser: 65532, runAsGroup: 65532, runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: {type: RuntimeDefault}}
      volumeMounts: [{name: tmp, mountPath: /tmp}%s]
  volumes: [{name: tmp, emptyDir: {}}%s]
`

// nginx reads its configuration when it gets SIGHUP, and not before.
func TestAChangedConfigMapIsReloaded(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	configMap := func(says string) {
		s.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata:\n  nginx.conf: '" + nginxConf(says) + "'\n")
	}
	configMap("one")
	s.apply(`
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    ipc.pillion.dev/process: "true"
    config-reloader.pillion.dev/watch: /srv/conf
    config-reloader.pillion.dev/signal: HUP:web
spec:` + fmt.Sprintf(configured, ", {name: conf, mountPath: /srv/conf}", ", {name: conf, configMap: {name: conf}}"))
	s.wait("pod/web", "Ready")
	if got := s.page("web", ""); got != "one" {
		t.Errorf("the first page is %q, want one", got)
	}
	configMap("two")
	s.awaitPage("web", "", "two")
	s.awaitLog("web", "pillion-config-reloader", "", `"msg":"app notified"`)
}

// git-poller brings the configuration, tells nginx of it by a signal and by a request, and
// tells nobody of the first commit.
func TestAPushedConfigurationIsReloaded(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitServer()
	push := func(says string) string {
		s.git(fmt.Sprintf("cd /tmp/w && echo '%s' >nginx.conf", nginxConf(says)))
		return s.push(says)
	}
	push("one")
	s.apply(`
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    ipc.pillion.dev/process: "true"
    git-poller.pillion.dev/repo: http://git.test:8080/site.git
    git-poller.pillion.dev/mount-path: /srv/conf
    git-poller.pillion.dev/period: 1s
    git-poller.pillion.dev/signal: HUP:web
    git-poller.pillion.dev/notify: http://localhost:8080/reload
spec:
  hostAliases: [{ip: ` + ip + `, hostnames: [git.test]}]` + fmt.Sprintf(configured, "", ""))
	s.wait("pod/web", "Ready")
	if log := s.kubectl("logs", "web", "-c", poller); strings.Contains(log, "app notified") {
		t.Errorf("the app is told of the first commit, which comes before it:\n%s", log)
	}
	commit := push("two")
	s.awaitPage("web", "", "two")
	s.await(func() error {
		log := s.kubectl("logs", "web", "-c", poller)
		for _, who := range []string{`"notify":"POST http://localhost:8080/reload"`, `"notify":"HUP:web"`} {
			if !toldOf(log, who, commit) {
				return errors.New("no line of the log has " + who + " and " + commit)
			}
		}
		return nil
	})
}

func toldOf(log, who, commit string) bool {
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"msg":"app notified"`) && strings.Contains(line, who) && strings.Contains(line, commit) {
			return true
		}
	}
	return false
}
