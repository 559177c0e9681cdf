// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
)

// gitServer starts a server that speaks http, and returns its ClusterIP.
func (s story) gitServer() (ip string) {
	s.Helper()
	ip = s.gitAddress()
	s.startGitServer("[gitserver]", 8080)
	return ip
}

// gitAddress makes the Service of a server that need not be there yet, and returns its
// ClusterIP.
func (s story) gitAddress() (ip string) {
	s.Helper()
	s.apply(`
apiVersion: v1
kind: Service
metadata: {name: git}
spec:
  selector: {app: git}
  ports:
    - {name: http, port: 8080}
    - {name: https, port: 8443}
    - {name: ssh, port: 2222}
`)
	return s.kubectl("get", "service", "git", "-o", "jsonpath={.spec.clusterIP}")
}

// startGitServer runs a command that serves /srv/git at a port, with an empty
// repository and a clone of it. The Secret git-server, if there is one, is at
// /etc/git-server.
func (s story) startGitServer(command string, port int) {
	s.Helper()
	s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: git, labels: {app: git}}
spec:
  securityContext: {runAsUser: 1000, runAsGroup: 1000} # git, whose /srv/git is
  containers:
    - name: git
      image: pillion.test/e2e:dev
      command: %s
      readinessProbe: {tcpSocket: {port: %d}, periodSeconds: 1}
      volumeMounts: [{name: secret, mountPath: /etc/git-server, readOnly: true}]
  volumes: [{name: secret, secret: {secretName: git-server, optional: true}}]
`, command, port))
	s.wait("pod/git", "Ready")
	s.git(`git init -q --bare -b main /srv/git/site.git && git init -q -b main /tmp/w && cd /tmp/w &&
		git config user.email e2e@pillion.test && git config user.name e2e && git remote add origin /srv/git/site.git`)
}

// git runs a shell command beside the repositories.
func (s story) git(command string) string {
	s.Helper()
	return s.kubectl("exec", "git", "--", "busybox", "sh", "-ec", command)
}

// push makes text the page of the branch main, and returns the commit.
func (s story) push(text string) (commit string) {
	s.Helper()
	return s.pushAs("main", fmt.Sprintf("echo %q > index.html", text))
}

// pushAs commits what a shell command changes in the clone, pushes it as ref, and
// returns the commit.
func (s story) pushAs(ref, change string) (commit string) {
	s.Helper()
	return s.git(fmt.Sprintf(`cd /tmp/w && %s && git add -A && git commit -qm x && git push -q -f origin HEAD:%s && git rev-parse HEAD`, change, ref))
}

// secret makes a Secret, or changes it.
func (s story) secret(name, kind string, content map[string]string) {
	s.Helper()
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}, "type": kind, "stringData": content,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.apply(string(manifest))
}
