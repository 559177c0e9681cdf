// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// canaries puts a word of its own into every text of an object, and knows where each is.
type canaries struct{ at map[string]string }

var canary = regexp.MustCompile(`cnry[0-9]+x`)

func newCanaries() *canaries { return &canaries{at: map[string]string{}} }

// word is a new canary for a place.
func (c *canaries) word(place string) string {
	w := fmt.Sprintf("cnry%dx", len(c.at))
	c.at[w] = place
	return w
}

// fill gives a value to every field of an API type, down to the last text: lists and
// maps get one element, pointers a target, and nothing stays empty.
func (c *canaries) fill(v reflect.Value, place string) {
	switch at := v.Addr().Interface().(type) {
	case *resource.Quantity:
		*at = resource.MustParse("1")
		return
	case *metav1.Time, *metav1.MicroTime:
		return
	case *metav1.FieldsV1:
		at.SetRawBytes(fmt.Appendf(nil, `{"f:%s":{}}`, c.word(place)))
		return
	case *intstr.IntOrString:
		*at = intstr.FromString(c.word(place))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(c.word(place))
	case reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		c.fill(v.Elem(), place)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		c.fill(v.Index(0), place+"[0]")
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		c.fill(key, place+" (key)")
		c.fill(value, place+"[]")
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name != "" {
				name = "." + name
			}
			c.fill(v.Field(i), place+name)
		}
	}
}

// pod is a pod with a canary in every text that k8s.io/api knows, and annotations of ours.
func (c *canaries) pod(annotations map[string]string) *corev1.Pod {
	var pod corev1.Pod
	c.fill(reflect.ValueOf(&pod).Elem(), "")
	maps.Copy(pod.Annotations, annotations)
	return &pod
}

// found lists the places whose canaries are in a string.
func (c *canaries) found(text string) []string {
	var places []string
	for _, w := range canary.FindAllString(text, -1) {
		places = append(places, c.at[w])
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// want compares where canaries came out with where they may.
func (c *canaries) want(t *testing.T, what, text string, allowed ...string) {
	t.Helper()
	for _, place := range c.found(text) {
		if !slices.Contains(allowed, place) {
			t.Errorf("%s has what stands at %s: %.500s", what, place, text)
		}
	}
}

// reviewPod posts a pod that has no name yet, so that the log falls back on the pod itself.
func (e *edge) reviewPod(t *testing.T, pod *corev1.Pod) (status int, body string) {
	t.Helper()
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	w := e.post("/inject/default", []byte(strings.Replace(string(reviewOf(raw)), `"name":"web","namespace"`, `"name":"","namespace"`, 1)))
	return w.Code, w.Body.String()
}

func TestNothingOfAPodLeaks(t *testing.T) {
	t.Parallel()
	const (
		generateName = ".metadata.generateName"
		container    = ".spec.containers[0].name"
		given        = "the annotation"
	)
	for name, c := range map[string]struct {
		annotations func(word func(string) string) map[string]string
		allowed     bool
		inAnswer    []string // canaries that the patch or the message may repeat
	}{
		"a pod that is injected": {
			annotations: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pillion.dev/repo": "https://git.example/" + word(given), "git-poller.pillion.dev/mount-path": "/html"}
			},
			allowed:  true,
			inAnswer: []string{given, container},
		},
		"a pod that asks for nothing": {
			annotations: func(func(string) string) map[string]string { return map[string]string{"pillion.dev/inject": "false"} },
			allowed:     true,
		},
		"a wrong value": {
			annotations: func(word func(string) string) map[string]string {
				return map[string]string{"date-writer.pillion.dev/mount-path": "/html", "date-writer.pillion.dev/interval": word(given)}
			},
			inAnswer: []string{given},
		},
		"a wrong key": {
			annotations: func(word func(string) string) map[string]string {
				return map[string]string{"date-writer.pillion.dev/mount-path": "/html", "date-writer.pillion.dev/fiel": word("the value of an unknown key")}
			},
		},
		"a path that is taken": {
			annotations: func(func(string) string) map[string]string {
				return map[string]string{"date-writer.pillion.dev/mount-path": "/taken"}
			},
			inAnswer: []string{container, ".spec.containers[0].volumeMounts[0].name"},
		},
		"a user and a password": {
			annotations: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pillion.dev/mount-path": "/html", "git-poller.pillion.dev/repo": "https://" + word("user") + ":" + word("password") + "@git.example/site"}
			},
		},
		"a password with an @ in it": {
			annotations: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pillion.dev/mount-path": "/html", "git-poller.pillion.dev/repo": "https://u:" + word("password") + "@" + word("rest") + "@git.example/site"}
			},
		},
		"a token for a user": {
			annotations: func(word func(string) string) map[string]string {
				return map[string]string{"git-poller.pillion.dev/mount-path": "/html", "git-poller.pillion.dev/repo": "https://" + word("token") + "@git.example/site"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, words := builtinEdge(), newCanaries()
			pod := words.pod(c.annotations(words.word))
			pod.Spec.Containers[0].VolumeMounts[0].MountPath = "/taken"
			pod.Spec.Volumes[0].EmptyDir = nil
			status, body := e.reviewPod(t, pod)
			if status != http.StatusOK {
				t.Fatalf("status %d: %.500s", status, body)
			}
			var review struct {
				Response struct {
					Allowed          bool
					Patch            []byte
					Warnings         []string
					AuditAnnotations map[string]string
				}
			}
			if err := json.Unmarshal([]byte(body), &review); err != nil {
				t.Fatal(err)
			}
			r := review.Response
			if r.Allowed != c.allowed {
				t.Errorf("allowed %v: %s", r.Allowed, body)
			}
			words.want(t, "the log", e.log.String(), generateName)
			words.want(t, "an audit annotation", fmt.Sprint(r.AuditAnnotations))
			words.want(t, "a warning", fmt.Sprint(r.Warnings))
			words.want(t, "the patch", string(r.Patch), c.inAnswer...)
			words.want(t, "the answer", body, c.inAnswer...)
		})
	}
	t.Run("the generator knows the places that matter", func(t *testing.T) {
		t.Parallel()
		words := newCanaries()
		words.pod(nil)
		places := slices.Collect(maps.Values(words.at))
		for _, place := range []string{generateName, container, ".spec.containers[0].env[0].value", ".spec.initContainers[0].args[0]", ".metadata.annotations[]", ".metadata.managedFields[0].fieldsV1", ".spec.volumes[0].csi.volumeAttributes[]"} {
			if !slices.Contains(places, place) {
				t.Errorf("no canary at %s", place)
			}
		}
		if len(places) < 700 {
			t.Errorf("only %d canaries", len(places))
		}
	})
}

// Forms of a URL with a password that are no URL, and what else people take for one.
func TestCredentialsInMalformedURLsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for _, format := range []string{
		"git:%s@github.com/acme/site.git",
		"https:/user:%s@github.com/acme/site.git",
		"user:%s@github.com:acme/site.git",
		"https://github.com/acme/site.git?private_token=%s",
		"https://github.com/acme/site.git#access_token=%s",
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			e, words := builtinEdge(), newCanaries()
			_, body := e.reviewPod(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
				"git-poller.pillion.dev/mount-path": "/html",
				"git-poller.pillion.dev/repo":       fmt.Sprintf(format, words.word("the password")),
			}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web"}}}})
			words.want(t, "the answer", body)
			words.want(t, "the log", e.log.String())
		})
	}
}

// What does not decode is not repeated either, wherever it stands.
func TestNothingOfAPodLeaksWhenItDoesNotDecode(t *testing.T) {
	t.Parallel()
	whole := canaryView(t)
	var paths [][]string
	var walk func(value any, path []string)
	walk = func(value any, path []string) {
		switch v := value.(type) {
		case map[string]any:
			for key := range v {
				walk(v[key], append(slices.Clone(path), key))
			}
		case []any:
			for i := range v {
				walk(v[i], append(slices.Clone(path), fmt.Sprint(i)))
			}
		case string:
			paths = append(paths, path)
		}
	}
	walk(object(t, []byte(whole)), nil)
	for _, path := range paths {
		for name, wrong := range map[string]string{
			"text": `"cnry0x"`, "number": `9000000000000000000001`, "list": `["cnry0x"]`, "object": `{"a":"cnry0x","b":["cnry1x"]}`,
			"broken": `"cnry0x`, "twice": `{"a":"cnry0x","a":"cnry1x"}`, "bytes": "\"cnry0x\xff\"", "literal": `cnry0x`,
		} {
			body := strings.Replace(whole, fmt.Sprintf("%q", strings.Join(path, "/")), wrong, 1)
			e := builtinEdge()
			w := e.post("/inject/default", reviewOf(body))
			if w.Code == http.StatusOK {
				continue
			}
			if canary.MatchString(w.Body.String()) || canary.MatchString(e.log.String()) {
				t.Errorf("%s at %v: %s %s", name, path, w.Body, e.log.String())
			}
		}
	}
}

// canaryView is a pod with every field of the view, whose texts are their own paths.
func canaryView(t *testing.T) string {
	t.Helper()
	const view = `{"metadata":{"generateName":"","annotations":{"date-writer.pillion.dev/mount-path":"/html","a":""}},"spec":{
		"initContainers":[{"name":"","restartPolicy":"","volumeMounts":[{"name":"","mountPath":"","readOnly":"","subPath":"","subPathExpr":"","mountPropagation":""}],"volumeDevices":[{"name":"","devicePath":""}]}],
		"containers":[{"name":"","image":"","env":[{"name":"","value":""}],"resources":{"limits":{"cpu":""},"requests":{"memory":""},"claims":[{"name":""}]}}],
		"volumes":[{"name":"","emptyDir":""},{"name":"","configMap":"","secret":"","projected":"","downwardAPI":""}],
		"imagePullSecrets":[{"name":""}],"nodeSelector":{"a":""},"os":{"name":""},"hostNetwork":"","resources":""}}`
	var mark func(value any, path []string) any
	mark = func(value any, path []string) any {
		switch v := value.(type) {
		case map[string]any:
			for key := range v {
				v[key] = mark(v[key], append(slices.Clone(path), key))
			}
		case []any:
			for i := range v {
				v[i] = mark(v[i], append(slices.Clone(path), fmt.Sprint(i)))
			}
		case string:
			if v == "" {
				return strings.Join(path, "/")
			}
		}
		return value
	}
	raw, err := json.Marshal(mark(object(t, []byte(view)), nil))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
