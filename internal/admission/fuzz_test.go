// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	kjson "sigs.k8s.io/json"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/policy"
)

// FuzzReview posts anything at all. The handler does not panic; it answers 200 only to
// a review whose uid it repeats, and a patch in the answer applies to the pod.
func FuzzReview(f *testing.F) {
	for _, dir := range goldenDirs(f) {
		f.Add(reviewOf(readGolden(f, dir).pod))
	}
	for _, body := range []string{"", "{}", "[]", "null", "\ufeff{}", `{"kind":"AdmissionReview"`} {
		f.Add([]byte(body))
	}
	policies := map[string]*inject.Policy{"default": policy.Builtin(), "audited": audited(f)}
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, p := range policies {
			postAnything(t, p, newEdge(policies), "/inject/"+name, body)
		}
	})
}

func postAnything(t *testing.T, p *inject.Policy, e *edge, path string, body []byte) {
	t.Helper()
	w := e.post(path, body)
	if strings.Contains(e.log.String(), "panic") {
		t.Fatalf("a panic: %s", e.log.String())
	}
	if w.Code != http.StatusOK {
		if w.Code < 400 || strings.Contains(w.Body.String(), `"allowed"`) {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
		return
	}
	var asked struct { // what the API server's decoder finds in the review
		Request struct {
			UID    types.UID       `json:"uid"`
			Object json.RawMessage `json:"object"`
		} `json:"request"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(body, &asked); err != nil {
		t.Fatalf("status 200 for what is no review: %v", err)
	}
	var answered admissionv1.AdmissionReview
	if err := json.Unmarshal(w.Body.Bytes(), &answered); err != nil {
		t.Fatal(err)
	}
	r := answered.Response
	if r == nil || r.UID != asked.Request.UID || r.UID == "" {
		t.Fatalf("asked with the uid %q: %s", asked.Request.UID, w.Body)
	}
	if (r.Patch == nil) != (r.PatchType == nil) || (r.Patch != nil && !r.Allowed) {
		t.Errorf("patch, patchType and allowed do not agree: %s", w.Body)
	}
	if r.Patch == nil || !unambiguous(body) {
		return
	}
	patched, err := Apply(asked.Request.Object, r.Patch)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Inject(testInjector, p, patched, Template{})
	if err != nil || again.Patch != nil {
		t.Errorf("a second pass: %v, %s", err, again.Patch)
	}
	proveOperations(t, asked.Request.Object, r.Patch)
	proveUserUnchanged(t, asked.Request.Object, patched)
}

// FuzzDecodePod compares our view of a pod with what the API server's own decoder makes
// of the same bytes: if both accept them, they have read the same pod.
func FuzzDecodePod(f *testing.F) {
	for _, dir := range goldenDirs(f) {
		f.Add(readGolden(f, dir).pod)
	}
	for _, pod := range []string{
		"{}", "null", `{"spec":{"containers":[null,{}],"volumes":[null],"initContainers":[]}}`,
		`{"Spec":{"hostNetwork":true},"spec":{"HostNetwork":true}}`,
		`{"spec":{"containers":[{"resources":{"limits":{"cpu":1,"memory":"1e3","a":null}}}],"resources":{},"os":{},"nodeSelector":{"a":null}}}`,
		`{"metadata":{"annotations":{"a":null,"b":"\u0000\ud83d\ude00"}},"spec":{"hostNetwork":null,"volumes":[{"emptyDir":null},{"emptyDir":{}}]}}`,
	} {
		f.Add([]byte(pod))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := pod.Decode(raw)
		if err != nil || !unambiguous(raw) {
			return
		}
		var pod corev1.Pod
		if err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &pod); err != nil {
			return
		}
		want := viewOf(&pod)
		maps.DeleteFunc(want.Metadata.Annotations, notDecidedOn)
		if diff := diffOfViews(want, got); diff != "" {
			t.Errorf("two readers, two pods (-API server +view):\n%s", diff)
		}
	})
}

func notDecidedOn(key, _ string) bool { return !pod.DecidedOn([]byte(key)) }

// diffOfViews compares a view with one that DecodePod made, but for what is of the JSON and
// not of the pod.
func diffOfViews(want, got *pod.Pod) string {
	quantities := cmp.Comparer(func(a, b resource.Quantity) bool { return a.Cmp(b) == 0 })
	ofJSON := cmp.FilterPath(func(p cmp.Path) bool {
		last := p.Last().String()
		return last == ".Raw" || last == ".Absent" || last == ".Env"
	}, cmp.Ignore())
	return cmp.Diff(want, got, quantities, ofJSON)
}

// unambiguous reports whether JSON has no name twice in an object. The API server writes
// none, and of those that others write each reader makes something of its own.
func unambiguous(raw []byte) bool { return jsontext.Value(raw).IsValid() }

// viewOf is the view of a pod that was decoded whole.
func viewOf(p *corev1.Pod) *pod.Pod {
	spec := &p.Spec
	return &pod.Pod{
		Metadata: pod.Metadata{GenerateName: p.GenerateName, Annotations: p.Annotations},
		Spec: pod.Spec{
			InitContainers:   each(spec.InitContainers, viewContainer),
			Containers:       each(spec.Containers, viewContainer),
			Volumes:          each(spec.Volumes, viewVolume),
			ImagePullSecrets: spec.ImagePullSecrets,
			NodeSelector:     spec.NodeSelector,
			NodeName:         spec.NodeName,
			OS:               spec.OS,
			HostNetwork:      spec.HostNetwork,
			HostPID:          spec.HostPID,
			HostIPC:          spec.HostIPC,
			RestartPolicy:    string(spec.RestartPolicy),
			RuntimeClassName: spec.RuntimeClassName,
			SecurityContext:  viewSecurity(spec.SecurityContext),
			Resources:        spec.Resources,

			ShareProcessNamespace:         spec.ShareProcessNamespace,
			TerminationGracePeriodSeconds: spec.TerminationGracePeriodSeconds,
		},
	}
}

func viewSecurity(s *corev1.PodSecurityContext) *pod.Security {
	if s == nil {
		return nil
	}
	view := &pod.Security{RunAsUser: s.RunAsUser, FSGroup: s.FSGroup, SupplementalGroups: s.SupplementalGroups, Sysctls: s.Sysctls}
	if a := s.AppArmorProfile; a != nil {
		view.AppArmorProfile = &pod.AppArmor{Type: string(a.Type), LocalhostProfile: a.LocalhostProfile}
	}
	return view
}

func viewContainer(c corev1.Container) pod.Container {
	policy := ""
	if c.RestartPolicy != nil {
		policy = string(*c.RestartPolicy)
	}
	view := pod.Container{
		Name: c.Name, RestartPolicy: policy, Command: c.Command, VolumeMounts: each(c.VolumeMounts, viewMount),
		VolumeDevices: c.VolumeDevices, Ports: c.Ports, Resources: c.Resources,
		TerminationMessagePath: c.TerminationMessagePath,
		LivenessProbe:          present(c.LivenessProbe),
	}
	if p := c.StartupProbe; p != nil {
		view.StartupProbe = &pod.Probe{InitialDelaySeconds: p.InitialDelaySeconds, PeriodSeconds: p.PeriodSeconds, FailureThreshold: p.FailureThreshold}
	}
	if c.Lifecycle != nil {
		view.Lifecycle = &pod.Lifecycle{PostStart: present(c.Lifecycle.PostStart)}
	}
	if c.SecurityContext != nil {
		view.SecurityContext = &pod.ContainerSecurity{RunAsUser: c.SecurityContext.RunAsUser}
	}
	return view
}

func viewMount(m corev1.VolumeMount) pod.VolumeMount {
	return pod.VolumeMount{
		Name: m.Name, MountPath: m.MountPath, ReadOnly: m.ReadOnly, SubPath: m.SubPath, SubPathExpr: m.SubPathExpr,
		MountPropagation: (*string)(m.MountPropagation),
	}
}

func viewVolume(v corev1.Volume) pod.Volume {
	view := pod.Volume{
		Name: v.Name, EmptyDir: v.EmptyDir, ConfigMap: present(v.ConfigMap), Secret: present(v.Secret),
		Projected: present(v.Projected), DownwardAPI: present(v.DownwardAPI), Image: present(v.Image),
	}
	if v.PersistentVolumeClaim != nil {
		view.PersistentVolumeClaim = &pod.ReadOnlySource{ReadOnly: v.PersistentVolumeClaim.ReadOnly}
	}
	if v.NFS != nil {
		view.NFS = &pod.ReadOnlySource{ReadOnly: v.NFS.ReadOnly}
	}
	if v.CSI != nil {
		view.CSI = &pod.ReadOnlySource{ReadOnly: v.CSI.ReadOnly != nil && *v.CSI.ReadOnly}
	}
	return view
}

func present[T any](p *T) *struct{} {
	if p == nil {
		return nil
	}
	return &struct{}{}
}

// each keeps the difference between a list that is absent and one that is empty.
func each[T, V any](list []T, view func(T) V) []V {
	if list == nil {
		return nil
	}
	views := make([]V, 0, len(list))
	for _, item := range list {
		views = append(views, view(item))
	}
	return views
}
