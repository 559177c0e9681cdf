// SPDX-License-Identifier: Apache-2.0

package guards

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	"k8s.io/apiserver/pkg/cel/environment"
)

// The chart is for Kubernetes 1.30 and later, and the functions of CEL grow with each
// version: a server of 1.30 would deny a newer one.
func TestAllExpressionsCompileForTheOldestKubernetes(t *testing.T) {
	objects, err := guards(root, values)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if o.GetKind() != "ValidatingAdmissionPolicy" {
			continue
		}
		var p admissionregistrationv1.ValidatingAdmissionPolicy
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &p, true); err != nil {
			t.Fatal(err)
		}
		compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(version.MajorMinor(1, 30)))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Spec.Variables {
			compiled := compiler.CompileAndStoreVariable(&validating.Variable{Name: v.Name, Expression: v.Expression}, plugincel.OptionalVariableDeclarations{}, environment.NewExpressions)
			check(t, p.Name+": "+v.Name, compiled)
		}
		for _, expression := range expressions(&p) {
			check(t, p.Name, compiler.CompileCELExpression(expression, plugincel.OptionalVariableDeclarations{HasAuthorizer: true}, environment.NewExpressions))
		}
	}
}

func check(t *testing.T, name string, compiled plugincel.CompilationResult) {
	t.Helper()
	if compiled.Error != nil {
		t.Errorf("%s: %v", name, compiled.Error)
	}
}

func expressions(p *admissionregistrationv1.ValidatingAdmissionPolicy) []plugincel.ExpressionAccessor {
	var all []plugincel.ExpressionAccessor
	for i := range p.Spec.MatchConditions {
		all = append(all, (*matchconditions.MatchCondition)(&p.Spec.MatchConditions[i]))
	}
	for _, v := range p.Spec.Validations {
		all = append(all, &validating.ValidationCondition{Expression: v.Expression}, &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression})
	}
	return all
}
