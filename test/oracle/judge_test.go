// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/core"
	defaults "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/v1/helper/qos"
	"k8s.io/kubernetes/pkg/capabilities"
	registry "k8s.io/kubernetes/pkg/registry/core/pod"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
	pssapi "k8s.io/pod-security-admission/api"
	pss "k8s.io/pod-security-admission/policy"
	kjson "sigs.k8s.io/json"

	"github.com/pillion-dev/pillion/internal/admission"
	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	podview "github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

func init() {
	// As every API server is started: DaemonSets of the cluster itself need it.
	capabilities.Setup(true, 0)
}

// injector has a version that no release changes.
var injector = inject.Injector{Version: "v0.0.0-oracle"}

// asReceived is a pod as a webhook gets it: defaulted, and as JSON.
func asReceived(pod *corev1.Pod) []byte {
	pod = pod.DeepCopy()
	defaults.SetObjectDefaults_Pod(pod)
	raw, err := json.Marshal(pod)
	if err != nil {
		panic(err) // API types can be written
	}
	return raw
}

// decode reads a pod as the API server reads the result of a patch.
func decode(raw []byte) (*corev1.Pod, error) {
	var pod corev1.Pod
	if strict, err := kjson.UnmarshalStrict(raw, &pod); err != nil || len(strict) > 0 {
		return nil, fmt.Errorf("decoding: %w", errors.Join(append(strict, err)...))
	}
	return &pod, nil
}

// apply applies a patch as the API server does.
func apply(raw, patch []byte) ([]byte, error) {
	if patch == nil {
		return raw, nil
	}
	decoded, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	return decoded.Apply(raw)
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// validate is what a create does with a pod once all webhooks have seen it.
func validate(pod *corev1.Pod) (warnings []string, err error) {
	pod = pod.DeepCopy()
	defaults.SetObjectDefaults_Pod(pod)
	var internal core.Pod
	if err := defaults.Convert_v1_Pod_To_core_Pod(pod, &internal, nil); err != nil {
		return nil, err
	}
	ctx := context.Background()
	registry.Strategy.PrepareForCreate(ctx, &internal)
	if errs := registry.Strategy.Validate(ctx, &internal); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	return podutil.GetWarningsForPod(ctx, &internal, nil), nil
}

// judge lets Pillion review a valid pod and returns everything that is wrong with the
// answer.
func judge(policy *inject.Policy, before *corev1.Pod, raw []byte) (inject.Decision, error) {
	out, err := admission.Inject(injector, policy, raw, admission.Template{})
	if err != nil {
		return out.Decision, fmt.Errorf("a valid pod is a failure of ours: %w", err)
	}
	if again, err := admission.Inject(injector, policy, raw, admission.Template{}); err != nil || !bytes.Equal(again.Patch, out.Patch) || again.Message() != out.Message() {
		return out.Decision, fmt.Errorf("two answers for one pod: %w\n%s%s\n%s%s", err, out.Patch, out.Message(), again.Patch, again.Message())
	}
	for _, w := range out.Warnings {
		if len(w) > 256 {
			return out.Decision, fmt.Errorf("a warning of %d bytes is cut by the API server: %s", len(w), w)
		}
	}
	if out.Result == reason.Denied {
		if out.Patch != nil {
			return out.Decision, fmt.Errorf("a denial has a patch: %s", out.Patch)
		}
		return out.Decision, nil
	}
	patched, err := apply(raw, out.Patch)
	if err != nil {
		return out.Decision, err
	}
	if !sameJSON(patched, out.Patched) {
		return out.Decision, fmt.Errorf("the API server's patch library makes\n%s\nof the pod, and Pillion made\n%s", patched, out.Patched)
	}
	after, err := decode(patched)
	if err != nil {
		return out.Decision, err
	}
	errs := []error{
		proveValid(before, after),
		proveNothingLeft(policy, patched, after),
		proveUserUnchanged(before, after),
		provePodSecurity(policy, out.Plan.Containers, before, after),
		proveQOS(before, after),
		proveWrappers(before, after),
	}
	for i := range after.Spec.InitContainers {
		// Skipped, a pod may have whatever it likes under our names: nothing of it is ours.
		if c := &after.Spec.InitContainers[i]; podview.Reserved(c.Name) && (out.Result == reason.Injected || out.Result == reason.Unchanged) {
			errs = append(errs, proveHelper(policy, after, c))
		}
	}
	return out.Decision, errors.Join(errs...)
}

// proveValid: what was valid is valid, and no warning is new.
func proveValid(before, after *corev1.Pod) error {
	known, err := validate(before)
	if err != nil {
		return fmt.Errorf("the pod was not valid before: %w", err)
	}
	warnings, err := validate(after)
	if err != nil {
		return fmt.Errorf("the API server denies the injected pod: %w", err)
	}
	for _, w := range warnings {
		if !slices.Contains(known, w) && strings.Contains(w, podview.ReservedPrefix) {
			return fmt.Errorf("the API server warns of what Pillion added: %s", w)
		}
	}
	return nil
}

// proveNothingLeft: a second review finds nothing to do, neither at once nor when the
// API server has filled in its defaults.
func proveNothingLeft(policy *inject.Policy, patched []byte, after *corev1.Pod) error {
	for when, raw := range map[string][]byte{"at once": patched, "after defaulting": asReceived(after)} {
		again, err := admission.Inject(injector, policy, raw, admission.Template{})
		if err != nil || again.Patch != nil || again.Result == reason.Denied {
			return fmt.Errorf("a second pass %s is %s (%s): %w\n%s", when, again.Result, again.Message(), err, again.Patch)
		}
	}
	return nil
}

// provePodSecurity: a level that admitted the pod admits it still, unless a helper that is
// added has a privilege beyond restricted, which its policy allows. Baseline holds always.
func provePodSecurity(policy *inject.Policy, added []plan.Container, before, after *corev1.Pod) error {
	after = withoutListedSysctls(before, after)
	privileged := slices.ContainsFunc(added, func(c plan.Container) bool { return beyondRestricted(policy, &c.Container) })
	for _, level := range []pssapi.Level{pssapi.LevelRestricted, pssapi.LevelBaseline} {
		if denial(level, before) == "" && (level != pssapi.LevelRestricted || !privileged) {
			if why := denial(level, after); why != "" {
				return fmt.Errorf("the injected pod is no longer %s: %s", level, why)
			}
		}
	}
	return nil
}

// withoutListedSysctls takes away what a policy lists although no level allows it.
func withoutListedSysctls(before, after *corev1.Pod) *corev1.Pod {
	after = after.DeepCopy()
	s := after.Spec.SecurityContext
	if s == nil {
		return after
	}
	s.Sysctls = slices.DeleteFunc(s.Sysctls, func(x corev1.Sysctl) bool {
		own := before.Spec.SecurityContext != nil && slices.Contains(before.Spec.SecurityContext.Sysctls, x)
		return !own && x.Name != "kernel.shm_rmid_forced"
	})
	return after
}

var evaluator = func() pss.Evaluator {
	e, err := pss.NewEvaluator(pss.DefaultChecks(), nil)
	if err != nil {
		panic(err) // the checks are Kubernetes' own
	}
	return e
}()

// denial is why a Pod Security level denies a pod; "" if it does not.
func denial(level pssapi.Level, pod *corev1.Pod) string {
	result := pss.AggregateCheckResults(evaluator.EvaluatePod(pssapi.LevelVersion{Level: level, Version: pssapi.LatestVersion()}, &pod.ObjectMeta, &pod.Spec))
	if result.Allowed {
		return ""
	}
	return result.ForbiddenDetail()
}

// proveQOS: a pod of the Guaranteed class stays one.
func proveQOS(before, after *corev1.Pod) error {
	class := func(pod *corev1.Pod) corev1.PodQOSClass {
		pod = pod.DeepCopy()
		defaults.SetObjectDefaults_Pod(pod)
		return qos.ComputePodQOS(pod)
	}
	if class(before) == corev1.PodQOSGuaranteed && class(after) != corev1.PodQOSGuaranteed {
		return fmt.Errorf("the pod was Guaranteed and is %s", class(after))
	}
	return nil
}

// proveHelper: one of our containers is what the platform says, by itself restricted,
// and none of its texts is read as a variable.
func proveHelper(policy *inject.Policy, pod *corev1.Pod, c *corev1.Container) error {
	images := sets.New[string]()
	for _, helpers := range []map[string]*rule.Helper{policy.Helpers, policy.Unlisted} {
		for _, h := range helpers {
			images.Insert(h.Image)
		}
	}
	mirrored := slices.ContainsFunc(images.UnsortedList(), func(image string) bool { return pathOf(image) == pathOf(c.Image) })
	if !images.Has(c.Image) && !mirrored {
		return fmt.Errorf("%s runs %s, which is no image of the policy", c.Name, c.Image)
	}
	alone := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{*c}}}
	for _, v := range pod.Spec.Volumes {
		if podview.Reserved(v.Name) && slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == v.Name }) {
			alone.Spec.Volumes = append(alone.Spec.Volumes, v)
		}
	}
	level := pssapi.LevelRestricted
	if beyondRestricted(policy, c) {
		level = pssapi.LevelBaseline
	}
	if why := denial(level, alone); why != "" {
		return fmt.Errorf("%s is not %s by itself: %s", c.Name, level, why)
	}
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if !budgeted(pod, name) && (c.Resources.Requests.Name(name, "").IsZero() || c.Resources.Limits.Name(name, "").IsZero()) {
			return fmt.Errorf("%s has no request or no limit of %s", c.Name, name)
		}
	}
	covers := slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.MountPath == "/var/run/secrets/kubernetes.io/serviceaccount" && m.Name == "pillion-no-token"
	})
	if token := definedBy(policy, c).Needs(helper.Token); covers == token {
		return fmt.Errorf("%s: the place of the token is covered: %t, and the helper needs the token: %t", c.Name, covers, token)
	}
	if definedBy(policy, c).Image == "" && (!knownEnvironment(c) || c.Lifecycle != nil) || c.EnvFrom != nil {
		return fmt.Errorf("%s has more than a helper has: %v", c.Name, c)
	}
	return proveInert(c)
}

// pathOf is an image without its registry: what another admission webhook keeps of it when
// it names a mirror.
func pathOf(image string) string {
	first, rest, found := strings.Cut(image, "/")
	if found && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return rest
	}
	return image
}

// beyondRestricted reports whether a container is of a helper with a privilege that Pod Security's
// restricted forbids. NET_BIND_SERVICE is one that it allows, and the token is not its business.
func beyondRestricted(policy *inject.Policy, c *corev1.Container) bool {
	return slices.ContainsFunc(definedBy(policy, c).Privileges, func(name string) bool {
		return name == helper.Root || strings.HasPrefix(name, helper.CapabilityPrefix) && name != helper.CapabilityPrefix+"NET_BIND_SERVICE"
	})
}

// definedBy is the helper of a platform that a container belongs to; an empty one for ours.
func definedBy(policy *inject.Policy, c *corev1.Container) *helper.Helper {
	for _, h := range policy.Known.All() {
		name := podview.ReservedPrefix + h.Name
		if h.Image != "" && (c.Name == name || strings.HasPrefix(c.Name, name+"-")) {
			return h
		}
	}
	return &helper.Helper{}
}

// knownEnvironment: our own program reads no variable; git-sync has the directory that can be
// written, and the one text that it takes from no file, which is in the Secret that it mounts.
func knownEnvironment(c *corev1.Container) bool {
	for _, e := range c.Env {
		home := e.Name == "HOME" && e.Value == "/tmp" && e.ValueFrom == nil
		user := e.Name == "GITSYNC_USERNAME" && e.Value == "" && e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil && e.ValueFrom.SecretKeyRef.Key == "username"
		proxy := slices.Contains([]string{"http_proxy", "https_proxy", "no_proxy"}, strings.ToLower(e.Name)) && e.ValueFrom == nil // which others may set
		if !proxy && (c.Command[0] != "/git-sync" || !home && !user) {
			return false
		}
	}
	return true
}

// proveWrappers: what is in front of a command is inert, and the command has its own
// program, arguments and environment behind it.
func proveWrappers(before, after *corev1.Pod) error {
	was := users(before)
	for _, c := range users(after) {
		own := unwrapped(c.Command)
		i := slices.IndexFunc(was, func(w *corev1.Container) bool { return w.Name == c.Name })
		if i < 0 || len(own) == len(c.Command) || slices.Equal(was[i].Command, c.Command) {
			continue
		}
		if err := proveInert(&corev1.Container{Name: c.Name, Command: c.Command[:len(c.Command)-len(own)]}); err != nil {
			return err
		}
		if !slices.Equal(unwrapped(was[i].Command), own) && !slices.Equal(was[i].Command, own) {
			return fmt.Errorf("%s ran %q and runs %q", c.Name, was[i].Command, own)
		}
	}
	return nil
}

// budgeted reports whether the pod as a whole says what it requests or limits of a resource.
func budgeted(pod *corev1.Pod, name corev1.ResourceName) bool {
	if pod.Spec.Resources == nil {
		return false
	}
	_, requests := pod.Spec.Resources.Requests[name]
	_, limits := pod.Spec.Resources.Limits[name]
	return requests || limits
}

// proveInert: the kubelet expands nothing in a helper's texts, whatever variables there are.
func proveInert(c *corev1.Container) error {
	texts := slices.Concat(c.Command, c.Args)
	for _, p := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		if p != nil && p.Exec != nil {
			texts = append(texts, p.Exec.Command...)
		}
	}
	for _, v := range c.Env {
		texts = append(texts, v.Value)
	}
	for _, text := range texts {
		var asked []string
		expanded := expansion.Expand(text, func(name string) string {
			asked = append(asked, name)
			return ""
		})
		if len(asked) > 0 || strings.ReplaceAll(text, "$$", "$") != expanded {
			return fmt.Errorf("%s: the kubelet makes %q of %q and asks for %v", c.Name, expanded, text, asked)
		}
	}
	return nil
}
