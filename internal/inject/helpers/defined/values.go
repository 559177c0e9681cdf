// SPDX-License-Identifier: Apache-2.0

package defined

import (
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// builder adds a defined helper to a pod.
type builder struct {
	name string
	spec *Spec
}

func containerName(helper string) string { return pod.ReservedPrefix + helper }

// volumeName is that of the container for the first volume that the app sees, and has the
// volume's own name in it for all others.
func volumeName(s *Spec, i int, request string) string {
	for j := range s.Volumes {
		if s.Volumes[j].App != nil {
			if i == j {
				return pod.ReservedPrefix + request
			}
			break
		}
	}
	return pod.ReservedPrefix + s.Volumes[i].Name + "-" + request
}

// text is the value of what is a literal or an option; "" if the option is unset.
func text(v *Value, r *helper.Request) string {
	if v.Option == "" {
		return v.Literal
	}
	if !r.Has(v.Option) {
		return ""
	}
	return r.Value(v.Option).Text
}

// words are the words of a command line: none of an option that is unset, one for each
// element of a list.
func words(values []Value, r *helper.Request) []string {
	var out []string
	for i := range values {
		v := &values[i]
		switch {
		case v.Option == "":
			out = append(out, v.Literal)
		case !r.Has(v.Option):
		case strings.HasPrefix(r.Helper.Option(v.Option).Kind.Name, "list of "):
			for _, element := range r.Value(v.Option).List {
				out = append(out, v.Prefix+element)
			}
		default:
			out = append(out, v.Prefix+r.Value(v.Option).Text)
		}
	}
	return out
}

func escaped(values []Value, r *helper.Request) []string {
	out := words(values, r)
	for i := range out {
		out[i] = helper.Literal(out[i])
	}
	return out
}
