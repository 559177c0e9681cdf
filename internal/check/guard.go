// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// guard is the name of the ValidatingAdmissionPolicy that denies pods which lack what they
// ask for, if it is in force; "" if there is none.
func (l *look) guard(ctx context.Context) (string, error) {
	policies, err := list[admissionregistrationv1.ValidatingAdmissionPolicy](ctx, l.cluster, object{group: admissionGroup, resource: "validatingadmissionpolicies"})
	if err != nil {
		return "", err
	}
	bindings, err := list[admissionregistrationv1.ValidatingAdmissionPolicyBinding](ctx, l.cluster, object{group: admissionGroup, resource: "validatingadmissionpolicybindings"})
	if err != nil {
		return "", err
	}
	for i := range policies {
		p := &policies[i]
		if !strings.Contains(p.Name, "final-state") || !strings.Contains(p.Name, "pillion") && !ours(&p.ObjectMeta, nil) {
			continue
		}
		for j := range bindings {
			if b := &bindings[j].Spec; b.PolicyName == p.Name && slices.Contains(b.ValidationActions, admissionregistrationv1.Deny) {
				return p.Name, nil
			}
		}
	}
	return "", nil
}
