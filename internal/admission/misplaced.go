// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/pod"
)

// Misplaced warns of annotations on a workload itself that only its pod template's would
// have an effect, in the words that the API server shows the author of the workload.
func Misplaced(policy *inject.Policy, document []byte, kind string) ([]string, error) {
	w, err := decodeWorkload(policy.Known, document, kind)
	if err != nil {
		return nil, err
	}
	p, err := pod.Decode(w.template)
	if err != nil {
		return nil, fmt.Errorf("decoding the pod template: %w", err)
	}
	var a advice
	if misplaced := w.misplaced(p); len(misplaced) > 0 {
		a.say("%s on the %s itself; move to %s", nothing(misplaced), kind, w.at.Path().Child("metadata", "annotations"))
	}
	return a.lines(), nil
}
