// SPDX-License-Identifier: Apache-2.0

package embedded

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Each golden pod that is under the built-in policy becomes the same pod, or is denied with
// the same sentences, through the server, the mount and the admission.Handler.
func TestEmbeddedPillionAnswersAsTheServerDoes(t *testing.T) {
	const server, mount, handler = "by-server", "by-mount", "by-handler"
	for _, namespace := range []string{server, mount, handler} {
		if err := plane.Namespace(t.Context(), namespace, nil); err != nil {
			t.Fatal(err)
		}
	}
	like := reserve(t, server)
	certs, ca := certificates(t)
	mountPort, handlerPort := port(t), port(t)
	runExample(t, mountPort, certs)
	runManager(t, handlerPort, certs)
	lanes := []lane{
		{server, like.Name},
		open(t, like, mount, "/inject/default", mountPort, ca),
		open(t, like, handler, "/pods", handlerPort, ca),
	}
	for _, l := range lanes {
		l.await(t)
	}

	seen := map[bool]int{} // denied by Pillion?
	for name, pod := range builtinPods(t) {
		t.Run(name, func(t *testing.T) {
			want, wantErr := lanes[0].result(t, pod)
			seen[strings.HasPrefix(wantErr, "denied: ")]++
			for _, l := range lanes[1:] {
				got, gotErr := l.result(t, pod)
				if diff := cmp.Diff(wantErr, gotErr); diff != "" {
					t.Errorf("%s: error (-server +%s):\n%s", name, l.namespace, diff)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: pod (-server +%s):\n%s", name, l.namespace, diff)
				}
			}
		})
	}
	if seen[true] < 10 || seen[false] < 10 {
		t.Errorf("%d pods were denied and %d not; too few to compare", seen[true], seen[false])
	}
	t.Logf("%d pods were denied and %d not, each three times", seen[true], seen[false])
}

// result is what became of a pod, without what differs from namespace to namespace.
func (l lane) result(t *testing.T, pod []byte) (stored map[string]any, problem string) {
	t.Helper()
	created, err := l.create(t.Context(), pod)
	if err != nil {
		if text, denied := strings.CutPrefix(err.Error(), l.denies()); denied {
			return nil, "denied: " + text
		}
		return nil, strings.ReplaceAll(err.Error(), l.namespace, "NAMESPACE")
	}
	spec, _, _ := unstructured.NestedMap(created.Object, "spec")
	return map[string]any{"spec": spec, "annotations": created.GetAnnotations(), "labels": created.GetLabels()}, ""
}

// builtinPods are the golden pods of internal/admission that have no policy of their own.
func builtinPods(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../internal/admission/testdata/*/pod.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pods := map[string][]byte{}
	for _, file := range files {
		dir := filepath.Dir(file)
		if _, err := os.Stat(filepath.Join(dir, "policy.yaml")); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if pods[filepath.Base(dir)], err = yaml.YAMLToJSONStrict(text); err != nil {
			t.Fatal(err)
		}
	}
	return pods
}
