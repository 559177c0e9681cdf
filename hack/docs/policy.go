// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/policy"
)

// policyPage is the reference of policy files: their fields, with the comments that the
// types have.
func policyPage(docs map[string]string) string {
	var out strings.Builder
	out.WriteString(`# Policy files

A file is one policy, of kind ` + "`" + policy.Kind + "`" + ` and version ` + "`" + policy.APIVersion + "`" + `. A namespace chooses it by its ` + "`metadata.name`" + `, with the label
` + "`" + inject.PolicyLabel + "`" + `. A field that is left out has its default; an unknown field and a rule that contradicts itself are
errors. Editors read [a schema](policy.schema.json), published at ` + "`" + schemaURL + "policy.schema.json`; `kubectl pillion policy lint`" + ` checks more than a schema can.
[examples/policies](../../examples/policies) has five policies. Helpers and their options: [annotations](annotations.md).
`)
	for _, part := range []struct {
		where string
		of    reflect.Type
	}{
		{"spec", reflect.TypeFor[policy.Spec]()},
		{"spec.runtimeClasses", reflect.TypeFor[policy.RuntimeClasses]()},
		{"spec.limits", reflect.TypeFor[policy.Limits]()},
		{"spec.helpers.NAME", reflect.TypeFor[policy.Helper]()},
		{"spec.helpers.git-poller.proxy", reflect.TypeFor[policy.Proxy]()},
		{"spec.helpers.git-poller.extraCAs", reflect.TypeFor[policy.ExtraCAs]()},
		{"spec.helpers.NAME.resources", reflect.TypeFor[policy.Resources]()},
		{"spec.helpers.NAME.resources.cpu and .memory", reflect.TypeFor[policy.Bounds]()},
		{"spec.helpers.NAME.options.NAME", reflect.TypeFor[rule.Spec]()},
		{"spec.helpers.NAME.secrets[]", reflect.TypeFor[rule.SecretSpec]()},
		{"spec.require[] and spec.inject[]", reflect.TypeFor[inject.AdditionSpec]()},
	} {
		fmt.Fprintf(&out, "\n## %s\n\n| field | meaning |\n|---|---|\n", part.where)
		for f := range part.of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Anonymous {
				out.WriteString("| `requests`, `limits` | those of cpu and memory, all four, as a container of Kubernetes has them. |\n")
				continue
			}
			fmt.Fprintf(&out, "| `%s` | %s |\n", name, docs[fieldName(part.of, f.Name)])
		}
	}
	return out.String()
}
