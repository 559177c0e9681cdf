// SPDX-License-Identifier: Apache-2.0

package reason

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aSentence begins with a letter and ends with a full stop, on one line.
var aSentence = regexp.MustCompile(`^[A-Za-z][^\n]*[A-Za-z0-9)]\.$`)

// constants are the values of the constants of a type in a source file, in their order.
func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName {
			for _, v := range spec.Values {
				value, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constant of the type %s", file, typeName)
	}
	return values
}

func TestEveryReasonIsDocumentedOnceAndInItsOrder(t *testing.T) {
	t.Parallel()
	var documented []string
	for _, d := range All() {
		documented = append(documented, string(d.Reason))
	}
	if diff := cmp.Diff(constants(t, "reason.go", "Reason"), documented); diff != "" {
		t.Errorf("the constants and All() differ (-constants +documented):\n%s", diff)
	}
}

func TestEveryReasonHasASentenceAndAResult(t *testing.T) {
	t.Parallel()
	results := map[string]int{}
	for _, r := range constants(t, "reason.go", "Result") {
		results[r] = 0
	}
	for _, d := range All() {
		if _, known := results[string(d.Result)]; !known {
			t.Errorf("%s has the unknown result %q", d.Reason, d.Result)
		}
		results[string(d.Result)]++
		if !aSentence.MatchString(d.Text) {
			t.Errorf("the doc of %s is not a sentence: %q", d.Reason, d.Text)
		}
	}
	for result, reasons := range results {
		if reasons == 0 {
			t.Errorf("no reason has the result %s", result)
		}
	}
}

func TestTheReasonsOfPoliciesAreReasonsToDeny(t *testing.T) {
	t.Parallel()
	var all []Reason
	for _, doc := range All() {
		if doc.Reason.OfPolicy() {
			all = append(all, doc.Reason)
			if doc.Result != Denied {
				t.Errorf("%s is of a policy, and %s", doc.Reason, doc.Result)
			}
		}
	}
	if diff := cmp.Diff([]Reason{HelperNotAllowed, ValueNotAllowed, LimitExceeded, HostNetwork, RuntimeClass, RequiredHelper}, all); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}
