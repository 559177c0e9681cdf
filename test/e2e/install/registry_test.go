// SPDX-License-Identifier: Apache-2.0

package install

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// root is that of the repository.
const root = "../../.."

// TestARegistryOfYourOwn pushes the images of `make images` to a registry, and installs the chart
// of this repository with one value, which names that registry.
func TestARegistryOfYourOwn(t *testing.T) {
	registry := serveRegistry(t) + "/acme"
	if _, err := command(t.Context(), "make", "-C", root, "push", "REGISTRY="+registry); err != nil {
		t.Fatal(err)
	}
	makeNamespace(t, namespace)
	apps := makeNamespace(t, "apps")
	h := newHelm(t, suite.helm4)
	h.install(baseValues().with(byJob()).with(values{"imageRegistry": registry}), "--wait")
	awaitPod(t, apps, time.Now())
	awaitPod(t, "default", time.Now()) // where helm test creates pods
	runAsking(t, apps, "asks")
	for of, prefix := range map[string]string{namespace: "pillion-", apps: "pillion-helper@"} {
		if !slices.ContainsFunc(imagesOf(t, of), func(image string) bool { return strings.HasPrefix(image, registry+"/pillion-dev/"+prefix) }) {
			t.Errorf("the images of the namespace %s are %q, none of which is %s/pillion-dev/%s…", of, imagesOf(t, of), registry, prefix)
		}
	}
	h.testPasses() // by the image pillion-kubectl
}

func byJob() values { return values{"certificates": map[string]any{"source": "job"}} }

// serveRegistry runs a registry at an address that is the same for the nodes. Nodes that have
// the same images already, by other names, cannot be used: once a kubelet has pulled an image, it pulls
// it again for each other name, to see whether the pod may have it.
func serveRegistry(t *testing.T) (address string) {
	t.Helper()
	if os.Getenv("E2E_RELEASE") == "" {
		t.Skip("E2E_RELEASE is not set; `make e2e-release` sets it, and has nodes without images of Pillion")
	}
	address = serve(t, "go", "-C", filepath.Join(root, "hack", "images"), "run", "./registry", "--dir", t.TempDir())
	serve(t, "go", "-C", root, "run", "./test/node", "share", address)
	return address
}

// serve runs a program until the test ends. The program prints a line when it is ready, which is
// returned, and ends when its standard input does.
func serve(t *testing.T, program string, args ...string) (said string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", strings.Join(cmd.Args, " "), err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s is not ready: %v", strings.Join(cmd.Args, " "), err)
	}
	return strings.TrimSpace(line)
}

// runAsking runs a pod with a helper until it is ready, so the helper's image is on the node.
func runAsking(t *testing.T, namespace, name string) {
	t.Helper()
	mustKubectl(t, "run", name, "-n", namespace, "--image=pillion.test/e2e:dev", "--annotations=date-writer.pillion.dev/mount-path=/html",
		`--overrides={"spec": {"terminationGracePeriodSeconds": 1}}`, "--command", "--", "busybox", "sleep", "1000000")
	await(t, func() error {
		_, err := kubectl(t.Context(), "wait", "-n", namespace, "--for=condition=Ready", "pod/"+name, "--timeout=3s")
		return err
	})
}

// imagesOf are the images that containers of a namespace run, by digest, as the kubelet says.
func imagesOf(t *testing.T, namespace string, selector ...string) []string {
	t.Helper()
	const output = "jsonpath={.items[*].status.containerStatuses[*].imageID} {.items[*].status.initContainerStatuses[*].imageID}"
	args := append([]string{"get", "pods", "-n", namespace, "-o", output}, selector...)
	images := strings.Fields(mustKubectl(t, args...))
	slices.Sort(images)
	return slices.Compact(images)
}
