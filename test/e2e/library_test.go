// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var image = regexp.MustCompile(`(?m)(image: ).*$`)

// example is a file of examples/helpers as it is, but for the image that the node has, and for
// the names of a server, for which it has no DNS.
func (s story) example(file, ip string, names ...string) (manifest string) {
	s.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "helpers", file))
	if err != nil {
		s.Fatal(err)
	}
	manifest = image.ReplaceAllString(string(text), `${1}"pillion.test/e2e:dev"`)
	if ip == "" {
		return manifest
	}
	const template = "\n    spec:\n"
	return strings.ReplaceAll(manifest, template, fmt.Sprintf("%s      hostAliases: [{ip: %q, hostnames: [%s]}]\n", template, ip, strings.Join(names, ", ")))
}

// service makes a Service for the pods that are called as it is, and returns its ClusterIP.
func (s story) service(name string, port, targetPort int) (ip string) {
	s.Helper()
	s.apply(fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {selector: {app: %[1]s}, ports: [{port: %d, targetPort: %d}]}\n", name, port, targetPort))
	return s.kubectl("get", "service", name, "-o", "jsonpath={.spec.clusterIP}")
}

// nginxPod runs nginx with a configuration, as a user that may run in every namespace.
func (s story) nginxPod(name, conf string) {
	s.Helper()
	s.apply(fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s-conf}\ndata:\n  nginx.conf: '%s'\n---\n", name, conf) +
		fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {app: %[1]s}}\nspec:", name) +
		fmt.Sprintf(configured, ", {name: conf, mountPath: /srv/conf}", fmt.Sprintf(", {name: conf, configMap: {name: %s-conf}}", name)))
	s.wait("pod/"+name, "Ready")
}

// applies applies a Deployment, whose warnings have to name what its pods get, and waits for them.
func (s story) applies(manifest, deployment, warning string) {
	s.Helper()
	_, said, err := kubectlWarned(s.Context(), manifest, "-n", s.namespace, "apply", "-f", "-")
	if err != nil {
		s.Fatal(err)
	}
	s.Logf("kubectl apply says:\n%s", said)
	if want := "Warning: pillion: policy default: each pod gets " + warning + "\n"; !strings.Contains(said, want) {
		s.Errorf("kubectl apply says %q, want %q in it", said, want)
	}
	s.wait("deployment/"+deployment, "Available")
}

// unhurtHelper makes sure that the pod of a Deployment is ready, and how often its helper was restarted.
func (s story) unhurtHelper(deployment, helper string, restarts int) {
	s.Helper()
	got := s.kubectl("get", "pods", "-l", "app="+deployment, "-o",
		`jsonpath={.items[0].status.conditions[?(@.type=="Ready")].status} {.items[0].status.initContainerStatuses[?(@.name=="`+helper+`")].restartCount}`)
	if want := fmt.Sprint("True ", restarts); got != want {
		s.Errorf("ready and restarts of %s are %q, want %q", helper, got, want)
	}
}

// A data pusher. The collector comes late, and the shipper is restarted: no line is lost.
func TestLinesOfAFileReachACollectorInAnotherPod(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	ip := s.service("collector", 5514, 5514)
	shop := s.example("log-shipper/app.yaml", ip, "collector.logging")
	s.applies(shop, "shop", "pillion-log-shipper (for shop)")
	s.awaitLog("deployment/shop", "pillion-log-shipper", "", "cannot connect to collector.logging:5514")

	s.apply(s.example("log-shipper/collector.yaml", ""))
	s.wait("deployment/collector", "Available")
	pod := s.kubectl("get", "pods", "-l", "app=shop", "-o", "jsonpath={.items[0].metadata.name}")
	s.awaitLog("deployment/collector", "collector", "", pod+" app: order 3\n")
	s.unhurtHelper("shop", "pillion-log-shipper", 0)
	s.terminate(pod, "pillion-log-shipper", "busybox", "kill", "1")
	s.await(func() error {
		return unless(s.kubectl("get", "pod", pod, "-o", restarts("pillion-log-shipper")) == "1", "the shipper is not restarted")
	})
	last := s.kubectl("exec", pod, "-c", "shop", "--", "busybox", "tail", "-n1", "/var/log/app/shop.log")
	s.awaitLog("deployment/collector", "collector", "", pod+" app: "+last+"\n")

	log := s.log("deployment/collector", "collector") + "\n" // which is cut off
	t.Logf("kubectl logs of the collector says:\n%s", log)
	for n, order := 1, ""; order != last; n++ {
		if order = fmt.Sprintf("order %d", n); !strings.Contains(log, pod+" app: "+order+"\n") {
			t.Fatalf("%s is lost", order)
		}
	}
	_, err := kubectl(t.Context(), "", "-n", s.namespace, "run", "wrong", "--image=none", "--dry-run=server",
		"--annotations=log-shipper.pillion.dev/mount-path=/logs", "--annotations=log-shipper.pillion.dev/steam=app")
	if want := `log-shipper has no option "steam"; did you mean "log-shipper.pillion.dev/stream"?`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a wrong option is answered by %v, want %s", err, want)
	}
}

func restarts(helper string) string {
	return `jsonpath={.status.initContainerStatuses[?(@.name=="` + helper + `")].restartCount}`
}

// Two data pullers: one keeps up with a server, one is done before the app starts.
func TestADirectoryIsKeptEqualToThatOfAServer(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	const login = "Basic cmFua2VyOnRvLWJlLXJlcGxhY2Vk" // of the example's Secret
	s.nginxPod("objects", strings.Replace(nginxConf(""), `return 200 "";`,
		`root /tmp/objects; autoindex on; set $who $http_authorization; if ($uri ~ ^/sets/) { set $who "`+login+`"; } if ($who != "`+login+`") { return 401; }`, 1))
	server := func(command string) {
		s.kubectl("exec", "objects", "--", "busybox", "sh", "-ec", command)
	}
	server("mkdir -p /tmp/objects/models/eu /tmp/objects/sets/small; cd /tmp/objects; echo one >models/a; echo europe >models/eu/c; echo draft >models/x.tmp; echo seeded >sets/small/s")
	s.applies(s.example("object-puller/app.yaml", s.service("objects", 80, 8080), "objects.acme.example"), "ranker",
		"pillion-object-puller (for ranker), pillion-seed (for ranker)")
	app := func(command string) (string, error) {
		return kubectl(t.Context(), "", "-n", s.namespace, "exec", "deployment/ranker", "-c", "ranker", "--", "busybox", "sh", "-c", command)
	}
	holds := func(want string) error {
		got, err := app("cd /; busybox find models data -type f | busybox sort | busybox xargs busybox grep .")
		if err == nil && got != want {
			err = fmt.Errorf("the files are\n%swant\n%s", got, want)
		}
		return err
	}
	if err := holds("data/s:seeded\nmodels/a:one\nmodels/eu/c:europe\n"); err != nil {
		t.Error("when the app starts,", err)
	}
	server("cd /tmp/objects/models; echo another >a; rm -r eu; echo two >b")
	const changed = "data/s:seeded\nmodels/a:another\nmodels/b:two\n"
	s.await(func() error { return holds(changed) })
	if _, err := app("busybox touch /models/a"); err == nil || !strings.Contains(err.Error(), "Read-only file system") {
		t.Errorf("the app, writing to the directory, is told %v", err)
	}
	s.kubectl("delete", "pod", "objects", "--now")
	s.awaitLog("deployment/ranker", "pillion-object-puller", "", "Failed to sync")
	s.unhurtHelper("ranker", "pillion-object-puller", 0)
	if err := holds(changed); err != nil {
		t.Error("while the server is away,", err)
	}
}

// A proxy in front of an app that listens at its loopback alone.
func TestAnAppIsReachedByHTTPS(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	authority, cert, key, err := issue("shop.test")
	if err != nil {
		t.Fatal(err)
	}
	s.secret("shop-tls", "kubernetes.io/tls", map[string]string{"tls.crt": string(cert), "tls.key": string(key)})
	s.applies(s.example("tls-proxy/app.yaml", ""), "shop", "pillion-tls-proxy")
	s.apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: visitor}
spec:
  hostAliases: [{ip: %q, hostnames: [shop.test]}]
  securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: visitor
      image: pillion.test/e2e:dev
      command: [busybox, sh, -c, exec sleep 1000000]
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`, s.kubectl("get", "service", "shop", "-o", "jsonpath={.spec.clusterIP}")))
	s.wait("pod/visitor", "Ready")
	visit := func(url string, trusted []byte) (string, error) {
		return kubectl(t.Context(), string(trusted), "-n", s.namespace, "exec", "-i", "visitor", "--", "busybox", "sh", "-ec",
			`cat >/tmp/ca.crt; exec rclone copyurl --config= --retries=1 --low-level-retries=1 --ca-cert=/tmp/ca.crt --stdout "$0"`, url)
	}
	if got, err := visit("https://shop.test/", authority); err != nil || got != "open\n" {
		t.Errorf("a client that trusts the authority gets %q, error %v, want open", got, err)
	}
	stranger, _, _, err := issue("shop.test")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := visit("https://shop.test/", stranger); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("a client that trusts another authority gets %q, error %v, want a certificate of an unknown one", got, err)
	}
	pod := s.kubectl("get", "pods", "-l", "app=shop", "-o", "jsonpath={.items[0].status.podIP}")
	if got, err := visit("http://"+pod+":8080/", authority); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("past the proxy the app says %q, error %v", got, err)
	}
	s.awaitLog("deployment/shop", "pillion-tls-proxy", "", `"GET https://shop.test/ HTTP/2.0"`)
}

// A proxy behind the app.
func TestAnAppReachesListedServersOnly(t *testing.T) {
	t.Parallel()
	s := tell(t, restricted)
	s.nginxPod("vendor", nginxConf(`hello via [$http_via]\n`))
	s.applies(s.example("egress-proxy/app.yaml", s.service("vendor", 80, 8080), "api.vendor.example", "elsewhere.example"), "buyer", "pillion-egress-proxy (for buyer)")
	s.awaitLog("deployment/buyer", "buyer", "", "hello via [1.1 ")
	s.awaitLog("deployment/buyer", "buyer", "", "HTTP/1.1 403 Filtered")
	log := s.log("deployment/buyer", "buyer")
	t.Logf("kubectl logs of the app says:\n%s", log)
	if strings.Contains(log, "hello via []") {
		t.Error("the app got past the proxy")
	}
}

// git-sync as a definition: with a login, and through an outage.
func TestGitSyncAsADefinitionServesWhatIsPushed(t *testing.T) {
	t.Parallel()
	s := tell(t)
	ip := s.gitAddress()
	s.secret("git-server", "Opaque", map[string]string{"username": "deployer", "password": "to-be-replaced"})
	s.startGitServer("[gitserver, --auth-dir=/etc/git-server]", 8080)
	s.push("one")
	manifest := s.example("git-sync/app.yaml", ip, "git.test")
	s.applies(strings.NewReplacer("https://github.com/acme/site.git", "http://git.test:8080/site.git", "period: 30s", "period: 1s").Replace(manifest), "site", "pillion-git-sync (for site)")
	page := func() string {
		return s.kubectl("exec", "deployment/site", "-c", "site", "--", "busybox", "wget", "-qO-", "http://127.0.0.1:8080/current/")
	}
	if got := page(); got != "one" {
		t.Errorf("the first page is %q, want one", got)
	}
	s.push("two")
	s.await(func() error {
		got := page()
		return unless(got == "two", "the page is "+got)
	})
	s.kubectl("delete", "pod", "git", "--now")
	s.awaitLog("deployment/site", "pillion-git-sync", "", "sync failed")
	s.unhurtHelper("site", "pillion-git-sync", 0)
	if got := page(); got != "two" {
		t.Errorf("without the server the page is %q, want two", got)
	}
}
