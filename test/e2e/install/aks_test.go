// SPDX-License-Identifier: Apache-2.0

package install

import (
	"fmt"
	"strings"
	"testing"
)

// enforce does to webhook configurations what AKS's admissions enforcer does, under its name:
// it adds a requirement to each namespaceSelector, unless an annotation tells it to stay away.
func enforce(t *testing.T) {
	t.Helper()
	each(t, func(configuration string) {
		if mustKubectl(t, "get", configuration, "-o", `jsonpath={.metadata.annotations.admissions\.enforcer/disabled}`) == "true" {
			return
		}
		var patch []string
		for i := range strings.Fields(mustKubectl(t, "get", configuration, "-o", "jsonpath={.webhooks[*].name}")) {
			patch = append(patch, fmt.Sprintf(`{"op": "add", "path": "/webhooks/%d/namespaceSelector/matchExpressions/-",
				"value": {"key": "control-plane", "operator": "NotIn", "values": ["true"]}}`, i))
		}
		mustKubectl(t, "patch", configuration, "--field-manager=admissionsenforcer", "--type=json", "-p", "["+strings.Join(patch, ",")+"]")
	})
}

// enforced tells whether a selector has what AKS adds.
func enforced(t *testing.T) (is bool) {
	t.Helper()
	each(t, func(configuration string) {
		is = is || strings.Contains(mustKubectl(t, "get", configuration, "-o", "jsonpath={.webhooks[*].namespaceSelector}"), "control-plane")
	})
	return is
}

// upgradeAfterAKS upgrades a release into whose configurations AKS has written, as
// docs/platforms.md says.
func (h helm) upgradeAfterAKS() {
	h.Helper()
	enforce(h.T)
	err := h.upgrade(changedValues())
	switch {
	case h.serverSide && (err == nil || !strings.Contains(err.Error(), "admissionsenforcer")):
		h.Errorf("an upgrade by server-side apply does not name who owns the field: %v", err)
	case !h.serverSide && (err != nil || enforced(h.T)):
		h.Errorf("an upgrade without server-side apply: %v; AKS's requirement is there: %t", err, enforced(h.T))
	}
	h.Logf("helm upgrade after AKS has written into the selectors: %v", err)

	enforce(h.T) // again, as it does
	annotated := changedValues().with(values{"certificates": map[string]any{"configurationAnnotations": map[string]any{"admissions.enforcer/disabled": "true"}}})
	var once []string
	if h.serverSide {
		once = []string{"--force-conflicts"}
	}
	if err := h.upgrade(annotated, once...); err != nil {
		h.Errorf("the upgrade with the annotation: %v", err)
	}
	enforce(h.T) // and stays away
	if err := h.upgrade(annotated); err != nil {
		h.Errorf("an upgrade after that: %v", err)
	}
	if enforced(h.T) {
		h.Error("AKS's requirement is still in a selector")
	}
}
