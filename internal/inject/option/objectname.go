// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// ObjectName is the name of a Secret or ConfigMap in the pod's namespace.
var ObjectName = Kind{Name: "object name", Parse: parseObjectName}

func parseObjectName(text string) (Value, error) {
	if strings.Contains(text, "/") {
		return Value{}, errors.New("must be a name without a namespace: only objects in the pod's own namespace can be used")
	}
	if msgs := validation.IsDNS1123Subdomain(text); len(msgs) > 0 {
		return Value{}, errors.New("must be an object name: lower-case letters, digits, '-' and '.', such as site-credentials")
	}
	return Value{Text: text}, nil
}
