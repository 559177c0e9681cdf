// SPDX-License-Identifier: Apache-2.0

package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

// Of loadBurst creates at once, one asks for nothing, one is stored and read back, and
// the rest are dry runs. Bursts make the API server open connections, which is what a
// replica that comes or goes has to do with.
const (
	loadBurst = 6
	loadPause = time.Second / 5 // so 25 pods per second ask for a helper
	// loadMost is how many creates may be without an answer. Whoever cannot keep up is
	// asked less often, and not ever more.
	loadMost = 4 * loadBurst
)

// A load creates pods in bursts, in each of its namespaces and through each of its API
// servers by turns, whether or not the last creates have been answered.
type load struct {
	clients    []kubernetes.Interface
	namespaces []string
	cancel     context.CancelFunc
	running    sync.WaitGroup

	mu   sync.Mutex
	open int // creates without an answer
	now  *tally
}

// startLoad starts a load through all API servers of the cluster.
func startLoad(t *testing.T, namespaces ...string) *load {
	t.Helper()
	return startLoadThrough(t, apiServers(), namespaces...)
}

// apiServers are the kubeconfigs of all API servers of the cluster.
func apiServers() []string {
	return filepath.SplitList(cmp.Or(os.Getenv("E2E_KUBECONFIGS"), os.Getenv("E2E_KUBECONFIG")))
}

func startLoadThrough(t *testing.T, kubeconfigs []string, namespaces ...string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{namespaces: namespaces, cancel: cancel, now: &tally{begun: time.Now()}}
	for _, kubeconfig := range kubeconfigs {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		config.QPS = -1
		clients, err := kubernetes.NewForConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		l.clients = append(l.clients, clients)
	}
	l.running.Go(func() { l.run(ctx) })
	t.Cleanup(l.stop)
	return l
}

// stop returns when every create has been answered.
func (l *load) stop() {
	l.cancel()
	l.running.Wait()
	l.now.running.Wait() // those of earlier phases have been waited for
}

func (l *load) run(ctx context.Context) {
	ticks := time.NewTicker(loadPause)
	defer ticks.Stop()
	for burst := 0; ; burst++ {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			clients := l.clients[burst/len(l.namespaces)%len(l.clients)]
			l.burst(context.WithoutCancel(ctx), clients.CoreV1().Pods(l.namespaces[burst%len(l.namespaces)]))
		}
	}
}

func (l *load) burst(ctx context.Context, pods typedcorev1.PodInterface) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open+loadBurst > loadMost {
		return
	}
	l.open += loadBurst
	y := l.now
	for n := range loadBurst {
		y.running.Go(func() {
			l.create(ctx, pods, y, n)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.open--
		})
	}
}

// create is one pod of the load, which no scheduler will ever look at.
func (l *load) create(ctx context.Context, pods typedcorev1.PodInterface, y *tally, n int) {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second) // more than the API server takes for any create
	defer cancel()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "load-"},
		Spec: corev1.PodSpec{
			SchedulerName: "nobody",
			Containers:    []corev1.Container{{Name: "web", Image: "pillion.test/e2e:dev"}},
		},
	}
	switch n {
	case 0:
		got, err := pods.Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		l.countOther(y, got, err)
	case 1:
		pod.Annotations = askingForDates()
		l.store(ctx, pods, y, pod)
	default:
		pod.Annotations = askingForDates()
		start := time.Now()
		got, err := pods.Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		l.count(y, got, err, time.Since(start), false)
	}
}

// store creates a pod, judges it by what the API server has stored, and deletes it.
func (l *load) store(ctx context.Context, pods typedcorev1.PodInterface, y *tally, pod *corev1.Pod) {
	start := time.Now()
	created, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	took := time.Since(start)
	if err != nil {
		l.count(y, nil, err, took, true)
		return
	}
	stored, err := pods.Get(ctx, created.Name, metav1.GetOptions{})
	l.count(y, stored, err, took, true)
	now := int64(0)
	if err := pods.Delete(ctx, created.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		y.complain("delete: %v", err)
	}
}

func askingForDates() map[string]string {
	return map[string]string{"date-writer.pillion.dev/mount-path": "/html"}
}

// hasHelper says whether a pod has the native sidecar that it asked for.
func hasHelper(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == "pillion-date-writer" && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

func (l *load) count(y *tally, pod *corev1.Pod, err error, took time.Duration, stored bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	y.asked++
	y.took = append(y.took, took)
	if stored {
		y.stored++
	}
	switch {
	case err != nil:
		y.failed++
		if _, answered := errors.AsType[*apierrors.StatusError](err); !answered {
			y.unanswered++
		}
		y.complain("%v", err)
	case !hasHelper(pod):
		y.bare++
		y.complain("a pod came back without its helper")
	}
}

func (l *load) countOther(y *tally, pod *corev1.Pod, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	y.others++
	switch {
	case err != nil:
		y.othersFailed++
		y.complain("a pod that asks for nothing: %v", err)
	case len(pod.Spec.InitContainers) > 0:
		y.othersTouched++
		y.complain("a pod that asks for nothing got %s", pod.Spec.InitContainers[0].Name)
	}
}

// phase ends a phase and begins another. A create is of the phase in which it began.
func (l *load) phase() *tally {
	l.mu.Lock()
	was := l.now
	l.now = &tally{begun: time.Now()}
	l.mu.Unlock()
	was.running.Wait()
	return was
}

// faultless ends a phase in which no create may have gone wrong, and tells its figures.
func (l *load) faultless(t *testing.T, phase string) {
	t.Helper()
	y := l.phase()
	t.Logf("%s: %v", phase, y)
	if y.asked == 0 || y.failed+y.bare+y.othersFailed+y.othersTouched+len(y.complaints) > 0 {
		t.Errorf("%s: every pod should have got what it asked for, but\n%s", phase, strings.Join(y.complaints, "\n"))
	}
}

// neverBare ends a phase in which pods were denied, or got their helper, and in which
// nobody else noticed anything.
func (l *load) neverBare(t *testing.T, phase string) {
	t.Helper()
	y := l.phase()
	t.Logf("%s: %v", phase, y)
	if y.failed == 0 || y.failed == y.asked || y.bare+y.othersFailed+y.othersTouched > 0 {
		t.Errorf("%s: some pods should have been refused, and the rest got their helper, but\n%s", phase, strings.Join(y.complaints, "\n"))
	}
}

// othersUnhurt ends a phase in which only pods that ask could notice anything.
func (l *load) othersUnhurt(t *testing.T, phase string) {
	t.Helper()
	y := l.phase()
	t.Logf("%s: %v", phase, y)
	if y.others == 0 || y.othersFailed+y.othersTouched > 0 {
		t.Errorf("%s: pods that ask for nothing should have been created as they are, but\n%s", phase, strings.Join(y.complaints, "\n"))
	}
}

// more waits until the load has tried a hundred pods more.
func (l *load) more(t *testing.T) {
	t.Helper()
	asked := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.now.asked
	}
	enough := asked() + 100
	await(t, func() error {
		if n := asked(); n < enough {
			return fmt.Errorf("%d pods of %d", n, enough)
		}
		return nil
	})
}

// allRefused is a phase of a hundred pods in which no pod that asks for a helper may be
// created, and any other must.
func (l *load) allRefused(t *testing.T, phase string) {
	t.Helper()
	l.phase()
	l.more(t)
	y := l.phase()
	t.Logf("%s: %v; the first was told: %s", phase, y, strings.Join(y.complaints[:min(1, len(y.complaints))], ""))
	if y.failed != y.asked || y.bare+y.othersFailed+y.othersTouched > 0 {
		t.Errorf("%s: every pod that asks, and no other, should have been refused, but\n%s", phase, strings.Join(y.complaints, "\n"))
	}
}
