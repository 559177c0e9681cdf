// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/yamlstrict"
)

// MaxFile bounds the size of a definition in bytes.
const MaxFile = 256 << 10

// compiler collects what is wrong with a definition.
type compiler struct {
	errs    field.ErrorList
	declare []option.Option
	used    map[string]bool
}

func (c *compiler) wrong(err *field.Error) { c.errs = append(c.errs, err) }

// Parse reads a definition and makes the helper. The error holds every mistake of the file,
// each with its line.
func Parse(data []byte) (*helper.Helper, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("is %d bytes long; the limit of a helper is %d", len(data), MaxFile)
	}
	document, err := yamlstrict.Document(data, "put each helper into a file of its own")
	if err != nil {
		return nil, err
	}
	var d Definition
	lines, errs := yamlstrict.Decode(data, document, &d)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	h, wrong := compile(&d)
	for _, one := range wrong {
		errs = append(errs, lines.Wrap(one))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	sum := sha256.Sum256(data)
	h.Digest = hex.EncodeToString(sum[:])
	return h, nil
}

func compile(d *Definition) (*helper.Helper, field.ErrorList) {
	c := compiler{used: map[string]bool{}}
	if d.APIVersion != APIVersion {
		c.wrong(field.NotSupported(field.NewPath("apiVersion"), d.APIVersion, []string{APIVersion}))
	}
	if d.Kind != Kind {
		c.wrong(field.NotSupported(field.NewPath("kind"), d.Kind, []string{Kind}))
	}
	s, at := &d.Spec, field.NewPath("spec")
	c.name(d, field.NewPath("metadata", "name"))
	if s.Description == "" {
		c.wrong(field.Required(at.Child("description"), "say in a sentence what the helper does"))
	}
	if s.Run != "Sidecar" && s.Run != "Init" {
		c.wrong(field.NotSupported(at.Child("run"), s.Run, []string{"Sidecar", "Init"}))
	}
	c.declare = c.declared(s.Options, at.Child("options"))
	c.volumes(d, at)
	c.container(s, at.Child("container"))
	c.appEnv(s, at.Child("appEnv"))
	c.order(s, at)
	c.privileges(s, at.Child("privileges"))
	for i := range c.declare {
		if o := &c.declare[i]; !c.used[o.Name] && (o.Name != helper.Containers || !reachesApp(s)) {
			c.wrong(field.Invalid(at.Child("options").Index(i).Child("name"), o.Name, "is an option that nothing uses; use it, or remove it"))
		}
	}
	h := &helper.Helper{
		Name: d.Metadata.Name, Doc: s.Description, Options: c.declare, Single: s.Single, Image: s.Container.Image, User: s.Container.RunAsUser,
		Resources: c.resources(&s.Container.Resources, at.Child("container", "resources")), Privileges: s.Privileges,
	}
	h.Build = (&builder{name: d.Metadata.Name, spec: s}).build
	return h, c.errs
}

// reachesApp tells whether the containers of the app get something.
func reachesApp(s *Spec) bool {
	return len(s.AppEnv) > 0 || slices.ContainsFunc(s.Volumes, func(v Volume) bool { return v.App != nil })
}

// longestInstance is "-" and the longest name of an instance.
const longestInstance = 1 + helper.MaxInstance

func (c *compiler) name(d *Definition, at *field.Path) {
	name := d.Metadata.Name
	if name == "" || len(validation.IsDNS1123Label(name)) > 0 {
		c.wrong(field.Invalid(at, name, "must be at most 63 lower-case letters, digits or '-'"))
		return
	}
	c.length(containerName(name), d, at, "the container")
}

// length refuses a name that is too long once an instance stands behind it.
func (c *compiler) length(name string, d *Definition, at *field.Path, what string) {
	long := len(name)
	if !d.Spec.Single {
		long += longestInstance
	}
	if long > validation.DNS1123LabelMaxLength {
		c.wrong(field.Invalid(at, d.Metadata.Name, fmt.Sprintf("makes the name of %s %d characters long with the longest instance, and Kubernetes takes %d; choose a shorter one, or set single: true", what, long, validation.DNS1123LabelMaxLength)))
	}
}

// option finds an option that a value names and notes that it is used.
func (c *compiler) option(name string, at *field.Path) *option.Option {
	var names []string
	for i := range c.declare {
		if names = append(names, c.declare[i].Name); c.declare[i].Name == name {
			c.used[name] = true
			return &c.declare[i]
		}
	}
	c.wrong(field.NotFound(at, fmt.Sprintf("%s; the options are %s%s", name, option.JoinAnd(names), option.DidYouMean(option.Nearest(name, names)))))
	return nil
}

// value checks what is a literal that a kind can read, or an option of that kind.
func (c *compiler) value(v *Value, kind *option.Kind, at *field.Path) {
	switch {
	case v.Option != "":
		o := c.option(v.Option, at.Child("option"))
		if o != nil && o.Kind.Name != "" && o.Kind.Name != kind.Name {
			c.wrong(field.Invalid(at.Child("option"), v.Option, fmt.Sprintf("is of the type %s; this has to be of the type %s", o.Kind.Name, kind.Name)))
		}
		if v.Prefix != "" {
			c.wrong(field.Forbidden(at.Child("prefix"), "only arguments and variables have a prefix"))
		}
	default:
		if read, err := kind.Read(v.Literal); err != nil {
			c.wrong(field.Invalid(at, v.Literal, err.Error()))
		} else {
			v.Literal = read.Text
		}
	}
}

func (c *compiler) volumes(d *Definition, spec *field.Path) {
	s := &d.Spec
	for i := range s.Volumes {
		v, at := &s.Volumes[i], spec.Child("volumes").Index(i)
		if len(validation.IsDNS1123Label(v.Name)) > 0 {
			c.wrong(field.Invalid(at.Child("name"), v.Name, "must be lower-case letters, digits or '-'"))
		}
		if slices.ContainsFunc(s.Volumes[:i], func(o Volume) bool { return o.Name == v.Name }) {
			c.wrong(field.Duplicate(at.Child("name"), v.Name))
		}
		c.length(volumeName(s, i, d.Metadata.Name), d, at.Child("name"), "the volume "+v.Name)
		sources := 0
		for _, o := range []*Object{v.Secret, v.ConfigMap} {
			if o == nil {
				continue
			}
			sources++
			c.value(&o.Name, &option.ObjectName, at.Child(map[bool]string{true: "secret", false: "configMap"}[o == v.Secret], "name"))
			for j, key := range o.Keys {
				if len(validation.IsConfigMapKey(key)) > 0 {
					c.wrong(field.Invalid(at.Child("keys").Index(j), key, "must be a key: letters, digits, '-', '_' or '.'"))
				}
			}
		}
		if v.EmptyDir != nil {
			sources++
			c.emptyDir(v.EmptyDir, at.Child("emptyDir"))
		}
		if sources != 1 {
			c.wrong(field.Invalid(at, v.Name, "must have one source: emptyDir, secret or configMap"))
		}
		if v.App != nil {
			c.value(&v.App.MountPath, &option.AbsolutePath, at.Child("app", "mountPath"))
			if v.EmptyDir == nil {
				c.wrong(field.Forbidden(at.Child("app"), "only an emptyDir is shared with the app"))
			}
		}
		if !slices.ContainsFunc(s.Container.Mounts, func(m Mount) bool { return m.Volume == v.Name }) {
			c.wrong(field.Invalid(at.Child("name"), v.Name, "is a volume that the container does not mount; mount it, or remove it"))
		}
	}
	for i := range s.Volumes {
		for j := range s.Volumes[:i] {
			a, b := s.Volumes[i].App, s.Volumes[j].App
			if a != nil && b != nil && a.MountPath == b.MountPath {
				c.wrong(field.Invalid(spec.Child("volumes").Index(i).Child("app", "mountPath"), s.Volumes[i].Name, "is where the app sees the volume "+s.Volumes[j].Name+" already"))
			}
		}
	}
}

func (c *compiler) emptyDir(e *EmptyDir, at *field.Path) {
	if e.Medium != "" && e.Medium != "Disk" && e.Medium != "Memory" {
		c.wrong(field.NotSupported(at.Child("medium"), e.Medium, []string{"Disk", "Memory"}))
	}
	if e.SizeLimit == nil {
		c.wrong(field.Required(at.Child("sizeLimit"), "every volume has a limit, such as 1Gi"))
		return
	}
	c.value(e.SizeLimit, &option.Size, at.Child("sizeLimit"))
	if e.SizeLimit.Option == "" && e.SizeLimit.Literal == "0" {
		c.wrong(field.Invalid(at.Child("sizeLimit"), "0", "must be above 0"))
	}
}

func (c *compiler) container(s *Spec, at *field.Path) {
	k := &s.Container
	if k.Image == "" || option.PlainText(k.Image) != nil || strings.Contains(k.Image, " ") {
		c.wrong(field.Invalid(at.Child("image"), k.Image, "must be an image reference, such as registry.example/log-shipper:4.0.3"))
	}
	c.words(k.Command, true, at.Child("command"))
	c.words(k.Args, true, at.Child("args"))
	c.code(slices.Concat(k.Command, k.Args), len(k.Command) > 0, func(i int) *field.Path {
		if i < len(k.Command) {
			return at.Child("command").Index(i)
		}
		return at.Child("args").Index(i - len(k.Command))
	})
	var names []string
	for i := range k.Env {
		e, at := &k.Env[i], at.Child("env").Index(i)
		if slices.Contains(names, e.Name) {
			c.wrong(field.Duplicate(at.Child("name"), e.Name))
		}
		names = append(names, e.Name)
		c.variable(e, at)
	}
	c.mounts(s, at.Child("mounts"))
	c.ports(k, at)
	if k.RunAsUser < 0 || k.RunAsUser > 1<<31-1 {
		c.wrong(field.Invalid(at.Child("runAsUser"), k.RunAsUser, "must be a number from 1 to 2147483647; root is a privilege"))
	}
	if p := k.TerminationMessagePolicy; p != "" && p != "File" && p != "FallbackToLogsOnError" {
		c.wrong(field.NotSupported(at.Child("terminationMessagePolicy"), p, []string{"FallbackToLogsOnError", "File"}))
	}
	if p := k.PreStop; p != nil {
		if (p.Exec == nil) == (p.Sleep == nil) {
			c.wrong(field.Invalid(at.Child("preStop"), "", "must have one of exec and sleep"))
		}
		if p.Exec != nil {
			c.exec(p.Exec, at.Child("preStop", "exec", "command"))
		}
		if p.Sleep != nil && (p.Sleep.Seconds < 1 || p.Sleep.Seconds > 3600) {
			c.wrong(field.Invalid(at.Child("preStop", "sleep", "seconds"), p.Sleep.Seconds, "must be from 1 to 3600"))
		}
		if s.Run == "Init" {
			c.wrong(field.Forbidden(at.Child("preStop"), "is for sidecars"))
		}
	}
}

// words checks the words of a command line.
func (c *compiler) words(words []Value, options bool, at *field.Path) {
	for i := range words {
		if words[i].Option != "" && options {
			c.option(words[i].Option, at.Index(i).Child("option"))
		}
		if words[i].Option == "" && strings.ContainsRune(words[i].Literal, 0) {
			c.wrong(field.Invalid(at.Index(i), words[i].Literal, "must not contain NUL"))
		}
	}
}

func (c *compiler) code(words []Value, own bool, at func(i int) *field.Path) {
	if i, by := readsAsCode(words, own); i >= 0 {
		c.wrong(field.Forbidden(at(i), fmt.Sprintf("the value of the option %s would be read by %s as code; give it in an argument or a variable of a program that takes it as data", words[i].Option, by)))
	}
}

func (c *compiler) exec(e *Exec, at *field.Path) {
	if len(e.Command) == 0 {
		c.wrong(field.Required(at, "name the program"))
	}
	c.words(e.Command, true, at)
	c.code(e.Command, true, at.Index)
}

func (c *compiler) variable(e *Env, at *field.Path) {
	if len(validation.IsCIdentifier(e.Name)) > 0 {
		c.wrong(field.Invalid(at.Child("name"), e.Name, "must be letters, digits and '_', not beginning with a digit"))
	}
	sources := 0
	if e.Value != nil {
		sources++
	}
	if e.Option != "" {
		sources++
		c.option(e.Option, at.Child("option"))
		if slices.Contains(codeVars, e.Name) {
			c.wrong(field.Forbidden(at.Child("option"), e.Name+" is read by shells, interpreters or the loader as code or as where to find it, so no pod may set it; write a literal value"))
		}
	} else if e.Prefix != "" {
		c.wrong(field.Required(at.Child("option"), "a prefix stands before an option"))
	}
	if e.FieldRef != "" {
		sources++
		refs := []string{"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.podIP", "status.hostIP"}
		if !slices.Contains(refs, e.FieldRef) {
			c.wrong(field.NotSupported(at.Child("fieldRef"), e.FieldRef, refs))
		}
	}
	if sources != 1 {
		c.wrong(field.Invalid(at, e.Name, "must have one of value, option and fieldRef"))
	}
}

func (c *compiler) appEnv(s *Spec, at *field.Path) {
	var names []string
	for i := range s.AppEnv {
		e := &s.AppEnv[i]
		if slices.Contains(names, e.Name) {
			c.wrong(field.Duplicate(at.Index(i).Child("name"), e.Name))
		}
		names = append(names, e.Name)
		c.variable(&Env{Name: e.Name, Value: e.Value, Prefix: e.Prefix, Option: e.Option}, at.Index(i))
	}
}

func (c *compiler) mounts(s *Spec, at *field.Path) {
	for i := range s.Container.Mounts {
		m, at := &s.Container.Mounts[i], at.Index(i)
		v := slices.IndexFunc(s.Volumes, func(v Volume) bool { return v.Name == m.Volume })
		if v < 0 {
			var names []string
			for j := range s.Volumes {
				names = append(names, s.Volumes[j].Name)
			}
			c.wrong(field.NotFound(at.Child("volume"), fmt.Sprintf("%s; the volumes are %s%s", m.Volume, option.JoinAnd(names), option.DidYouMean(option.Nearest(m.Volume, names)))))
		} else if s.Volumes[v].EmptyDir == nil && !m.ReadOnly {
			m.ReadOnly = true // as the kubelet mounts it
		}
		switch clean := path.Clean(m.Path); {
		case !strings.HasPrefix(m.Path, "/") || clean != m.Path || m.Path == "/" || strings.Contains(m.Path, ":"):
			c.wrong(field.Invalid(at.Child("path"), m.Path, "must be a clean absolute path below /"))
		case m.Path == helper.TokenDir || strings.HasPrefix(helper.TokenDir, m.Path+"/") || strings.HasPrefix(m.Path, helper.TokenDir+"/"): //nolint:gocritic // the token's directory may lie below a mount
			c.wrong(field.Forbidden(at.Child("path"), "is the place of the ServiceAccount token"))
		}
		for j := range s.Container.Mounts[:i] {
			if s.Container.Mounts[j].Path == m.Path {
				c.wrong(field.Duplicate(at.Child("path"), m.Path))
			}
		}
	}
}

func (c *compiler) ports(k *Container, at *field.Path) {
	for i := range k.Ports {
		p, at := &k.Ports[i], at.Child("ports").Index(i)
		c.value(&p.Port, &option.Port, at.Child("port"))
		if p.Name != "" && len(validation.IsValidPortName(p.Name)) > 0 {
			c.wrong(field.Invalid(at.Child("name"), p.Name, "must be at most 15 lower-case letters, digits or '-', with a letter"))
		}
		if p.Protocol != "" && p.Protocol != "TCP" && p.Protocol != "UDP" {
			c.wrong(field.NotSupported(at.Child("protocol"), p.Protocol, []string{"TCP", "UDP"}))
		}
		for j := range k.Ports[:i] {
			if k.Ports[j].Port == p.Port && k.Ports[j].Protocol == p.Protocol || p.Name != "" && k.Ports[j].Name == p.Name {
				c.wrong(field.Duplicate(at, p.Name))
			}
		}
	}
	for name, p := range map[string]*Probe{"startupProbe": k.StartupProbe, "readinessProbe": k.ReadinessProbe, "livenessProbe": k.LivenessProbe} {
		if p != nil {
			c.probe(k, p, at.Child(name))
		}
	}
}

func (c *compiler) probe(k *Container, p *Probe, at *field.Path) {
	handlers := 0
	if p.HTTPGet != nil {
		handlers++
		c.probePort(k, &p.HTTPGet.Port, at.Child("httpGet", "port"))
		if !strings.HasPrefix(p.HTTPGet.Path, "/") {
			c.wrong(field.Invalid(at.Child("httpGet", "path"), p.HTTPGet.Path, "must begin with /"))
		}
	}
	if p.TCPSocket != nil {
		handlers++
		c.probePort(k, &p.TCPSocket.Port, at.Child("tcpSocket", "port"))
	}
	if p.Exec != nil {
		handlers++
		c.exec(p.Exec, at.Child("exec", "command"))
	}
	if handlers != 1 {
		c.wrong(field.Invalid(at, "", "must have one of httpGet, tcpSocket and exec"))
	}
	for name, n := range map[string]int32{"initialDelaySeconds": p.InitialDelaySeconds, "periodSeconds": p.PeriodSeconds, "timeoutSeconds": p.TimeoutSeconds, "failureThreshold": p.FailureThreshold} {
		if n < 0 {
			c.wrong(field.Invalid(at.Child(name), n, "must not be negative"))
		}
	}
}

// probePort finds the port of the container that a probe means, and writes its number or option.
func (c *compiler) probePort(k *Container, v *Value, at *field.Path) {
	for i := range k.Ports {
		p := &k.Ports[i]
		if p.Protocol != "UDP" && (v.Option != "" && v.Option == p.Port.Option || v.Option == "" && v.Literal != "" && (v.Literal == p.Name || v.Literal == p.Port.Literal)) {
			*v = p.Port
			return
		}
	}
	c.wrong(field.Invalid(at, v.Literal+v.Option, "is a port that the container does not have; list it under ports"))
}

// order checks what says when the helper starts.
func (c *compiler) order(s *Spec, at *field.Path) {
	if s.Position != nil {
		if o := c.optionOf(s.Position, at.Child("position")); o != nil && !slices.Equal(slices.Sorted(slices.Values(o.Kind.Choices)), []string{"first", "last"}) {
			c.wrong(field.Invalid(at.Child("position"), o.Name, "must be an option of type choice with the choices first and last"))
		} else if s.Position.Option == "" && s.Position.Literal != "first" && s.Position.Literal != "last" {
			c.wrong(field.NotSupported(at.Child("position"), s.Position.Literal, []string{"first", "last"}))
		}
	}
	if s.Run == "Init" {
		if s.Wait != nil {
			c.wrong(field.Forbidden(at.Child("wait"), "is for sidecars: an init container has ended before the app starts"))
		}
		for name, p := range map[string]*Probe{"startupProbe": s.Container.StartupProbe, "readinessProbe": s.Container.ReadinessProbe, "livenessProbe": s.Container.LivenessProbe} {
			if p != nil {
				c.wrong(field.Forbidden(at.Child("container", name), "an init container has no probes"))
			}
		}
	}
	if s.Wait != nil {
		c.value(s.Wait, &option.Boolean, at.Child("wait"))
		if s.Container.StartupProbe == nil && s.Run != "Init" && (s.Wait.Option != "" || s.Wait.Literal == "true") {
			c.wrong(field.Required(at.Child("container", "startupProbe"), "wait needs it to know when the helper is up"))
		}
	}
}

func (c *compiler) optionOf(v *Value, at *field.Path) *option.Option {
	if v.Option == "" {
		return nil
	}
	return c.option(v.Option, at.Child("option"))
}

func (c *compiler) privileges(s *Spec, at *field.Path) {
	all := helper.Privileges()
	for i, name := range s.Privileges {
		switch {
		case name == "host-port" || name == "host-network" || name == "host-pid" || name == "privileged":
			c.wrong(field.Forbidden(at.Index(i), name+" is forbidden by Pod Security's baseline, beyond which no helper goes"))
		case slices.Contains(s.Privileges[:i], name):
			c.wrong(field.Duplicate(at.Index(i), name))
		case !slices.Contains(all, name):
			c.wrong(field.Invalid(at.Index(i), name, "is no privilege within Pod Security's baseline; these are "+option.JoinAnd(all)+option.DidYouMean(option.Nearest(name, all))))
		}
	}
	if slices.Contains(s.Privileges, helper.Root) && s.Container.RunAsUser != 0 {
		c.wrong(field.Forbidden(field.NewPath("spec", "container", "runAsUser"), "with the privilege root the helper runs as user 0; remove one of the two"))
	}
}

func (c *compiler) resources(r *Resources, at *field.Path) corev1.ResourceRequirements {
	out := corev1.ResourceRequirements{Requests: corev1.ResourceList{}, Limits: corev1.ResourceList{}}
	for i, list := range []map[string]Scalar{r.Requests, r.Limits} {
		name := []string{"requests", "limits"}[i]
		to := []corev1.ResourceList{out.Requests, out.Limits}[i]
		for _, key := range slices.Sorted(maps.Keys(list)) {
			q, err := resource.ParseQuantity(string(list[key]))
			switch {
			case key != "cpu" && key != "memory":
				c.wrong(field.Forbidden(at.Child(name).Key(key), "only cpu and memory can be set"))
			case err != nil || q.Sign() <= 0:
				c.wrong(field.Invalid(at.Child(name).Key(key), string(list[key]), "must be a positive quantity, such as 100m or 64Mi"))
			default:
				to[corev1.ResourceName(key)] = q
			}
		}
		for _, key := range []string{"cpu", "memory"} {
			if _, has := list[key]; !has {
				c.wrong(field.Required(at.Child(name).Key(key), "every helper has CPU and memory requests and limits"))
			}
		}
	}
	for _, key := range []corev1.ResourceName{"cpu", "memory"} {
		if request, limit := out.Requests[key], out.Limits[key]; limit.Sign() > 0 && request.Cmp(limit) > 0 {
			c.wrong(field.Invalid(at.Child("requests").Key(string(key)), request.String(), "is above the limit, "+limit.String()))
		}
	}
	return out
}

// number is that of a literal port, which has been read once.
func number(text string) int32 { n, _ := strconv.ParseInt(text, 10, 32); return int32(n) }
