// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Containers are names of containers of the pod, as a comma list.
var Containers = Kind{Name: "container names", NamesContainers: true, Parse: parseContainers, Pattern: containerPattern}

func parseContainers(text string) (Value, error) {
	var list []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if len(validation.IsDNS1123Label(name)) > 0 {
			return Value{}, fmt.Errorf("must be container names separated by commas, such as web,api; %q is not a container name", name)
		}
		if slices.Contains(list, name) {
			return Value{}, fmt.Errorf("names the container %q twice", name)
		}
		list = append(list, name)
	}
	return Value{Text: strings.Join(list, ","), List: list}, nil
}

func containerPattern(text string) (Pattern, error) {
	switch {
	case strings.Contains(text, ","):
		return nil, errors.New("must be one container name or pattern; each name of a pod's list is compared by itself")
	case strings.Contains(text, "*"):
		return Glob(text), nil
	}
	v, err := parseContainers(text)
	return Glob(v.Text), err
}
