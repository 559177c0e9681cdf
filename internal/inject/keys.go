// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// ourKeys lists the keys under our domain, sorted. Upper case counts as well: the API
// server admits it, and a key that nobody reads would be a silent mistake.
func ourKeys(annotations map[string]string) []string {
	var keys []string
	for key := range annotations {
		prefix, _, _ := strings.Cut(key, "/")
		if len(prefix) < len(helper.Domain) || !strings.EqualFold(prefix[len(prefix)-len(helper.Domain):], helper.Domain) {
			continue
		}
		if len(prefix) == len(helper.Domain) || prefix[len(prefix)-len(helper.Domain)-1] == '.' {
			if keys == nil {
				keys = make([]string, 0, 8) // as many as most pods have
			}
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// readKey takes a key apart: [<instance>.]<helper>.pillion.dev/<option>.
func readKey(known *helper.Set, key string, root *field.Path) (h *helper.Helper, instance string, o *option.Option, problem *reason.Problem) {
	prefix, name, slash := strings.Cut(key, "/")
	owner := strings.TrimSuffix(prefix[:len(prefix)-len(helper.Domain)], ".")
	dot := strings.LastIndexByte(owner, '.')
	if dot >= 0 {
		instance, owner = owner[:dot], owner[dot+1:]
	}
	deny := func(format string, args ...any) (*helper.Helper, string, *option.Option, *reason.Problem) {
		p := reason.Forbidden(reason.UnknownAnnotation, helper.Annotations(root).Key(shownKey(key)), format, args...)
		return nil, "", nil, &p
	}
	if lower := strings.ToLower(key); lower != key {
		suggestion := ""
		for _, right := range []string{lower, strings.ToLower(prefix) + "/" + kebab(name)} {
			if _, _, _, wrong := readKey(known, right, root); wrong == nil || right == StatusAnnotation || right == InjectAnnotation {
				suggestion = nearmiss.DidYouMean(right)
			}
		}
		if lower := strings.ToLower(owner); suggestion == "" && known.Find(lower) != nil {
			suggestion = nearmiss.DidYouMean(nearestKey(known, strings.ToLower(instance), lower, name))
		}
		return deny("annotation keys of Pillion are in lower case%s", suggestion)
	}
	if h = known.Find(owner); h == nil {
		suggestion := nearmiss.DidYouMean(cmp.Or(aliasKey(known, instance, owner, name), instanceKey(known, instance, owner, name), nearestKey(known, instance, owner, name)))
		if owner == "" {
			return deny("unknown key; a helper is requested by a key <helper>.%s/<option>, and the helpers are %s%s", helper.Domain, known, suggestion)
		}
		return deny("unknown helper %+q; the helpers are %s%s", owner, known, suggestion)
	}
	if !slash || name == "" {
		return deny("names no option; write %s/<option>, such as %q", shownKey(prefix), h.Key(instance, h.Options[0].Name))
	}
	if o = h.Option(name); o == nil && (name == helper.CPU || name == helper.Memory) {
		return deny("the platform sets the resources of %s; a pod can set %s only under a policy with a max for it (resources.%s.max)", h.Name, name, name)
	}
	if o == nil {
		if near := nearestKey(known, instance, owner, name); near != "" {
			return deny("%s has no option %+q%s", h.Name, name, nearmiss.DidYouMean(near))
		}
		return deny("%s has no option %+q; its options are %s", h.Name, name, option.JoinAnd(h.OptionNames()))
	}
	if dot >= 0 && h.Single {
		return deny("%s has no instances, since a pod has one at most: write %q", h.Name, h.Key("", name))
	}
	if dot >= 0 {
		if text := h.WrongInstance(instance); text != "" {
			return deny("the instance %+q %s", instance, text)
		}
	}
	return h, instance, o, nil
}

// shownKey is a key as an error message may repeat it: the API server looks at keys only
// after us, so anything can be in one.
func shownKey(key string) string {
	const limit = 128
	if len(key) > limit || option.PlainText(key) != nil {
		return strings.Trim(strconv.QuoteToASCII(key[:min(len(key), limit)]), `"`)
	}
	return key
}

// kebab writes a name as option names are written: mountPath and mount_path are mount-path.
func kebab(name string) string {
	var out strings.Builder
	for i, r := range name {
		switch {
		case r == '_':
			r = '-'
		case 'A' <= r && r <= 'Z':
			if i > 0 && !strings.HasSuffix(out.String(), "-") {
				out.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}

// aliasKey is the key that was meant by the name of a helper in place of an option,
// pillion.dev/git-poller, or by a name that others have for the helper, git-sync.pillion.dev/repo.
func aliasKey(known *helper.Set, instance, owner, name string) string {
	for _, h := range known.All() {
		called := func(name string) bool { return name == h.Name || slices.Contains(h.Aliases, name) }
		switch {
		case owner == "" && called(name):
			return h.UsualKey(instance)
		case owner != "" && called(owner):
			near := nearestKey(known, instance, h.Name, name)
			if h.Option(owner) != nil { // shm.pillion.dev/size
				near = h.Key(instance, owner)
			}
			return cmp.Or(near, h.UsualKey(instance))
		}
	}
	return ""
}

// instanceKey is the key that was meant where the name of an instance is joined to that of the
// helper in another way than by a dot in front: docs-git-poller, git-poller-docs,
// git-poller.docs.
func instanceKey(known *helper.Set, instance, owner, name string) string {
	for _, h := range known.All() {
		if h.Single || h.Option(name) == nil {
			continue
		}
		instanceName := ""
		switch {
		case instance == h.Name:
			instanceName = owner
		case instance != "":
		case strings.HasSuffix(owner, "-"+h.Name):
			instanceName = strings.TrimSuffix(owner, "-"+h.Name)
		case strings.HasPrefix(owner, h.Name+"-"):
			instanceName = strings.TrimPrefix(owner, h.Name+"-")
		}
		if instanceName != "" && h.WrongInstance(instanceName) == "" {
			return h.Key(instanceName, name)
		}
	}
	return ""
}

// nearestKey finds the valid key that a wrong one was most likely meant to be; "" if
// none is near. The instance is taken as it is.
func nearestKey(known *helper.Set, instance, owner, name string) string {
	best, bestDistance := "", 1+min(len(owner)+len(name), nearmiss.Compared)/3
	right := known.Find(owner) != nil
	if right { // only the option is wrong
		written := kebab(name)
		for i := range known.Find(owner).Options {
			o := &known.Find(owner).Options[i]
			if o.Name == written || slices.Contains(o.Aliases, written) {
				return known.Find(owner).Key(instance, o.Name)
			}
		}
		bestDistance = 1 + min(len(name), nearmiss.Compared)/3
	}
	consider := func(key string, distance int) {
		if distance < bestDistance {
			best, bestDistance = key, distance
		}
	}
	for _, h := range known.All() {
		for i := range h.Options {
			distance := nearmiss.Distance(name, h.Options[i].Name)
			if right && h.Name != owner { // an option of another helper, if it is that very one
				if distance == 0 {
					consider(h.Key(instance, name), 1)
				}
				continue
			}
			if owner != "" { // pillion.dev/repo: the helper was left out, not mistyped
				distance += nearmiss.Distance(owner, h.Name)
			}
			consider(h.Key(instance, h.Options[i].Name), distance)
		}
	}
	if owner == "" {
		consider(InjectAnnotation, nearmiss.Distance(name, "inject"))
	}
	return best
}

// Asks reports whether annotations have any key under our domain, other than the status
// that Pillion writes itself.
func Asks(annotations map[string]string) bool {
	return slices.ContainsFunc(ourKeys(annotations), func(key string) bool { return key != StatusAnnotation })
}
