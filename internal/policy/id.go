// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ID is the number of a user or group, or FromNamespace.
type ID string

const (
	// FromNamespace leaves a number out of the containers that are injected.
	FromNamespace ID = "FromNamespace"
	// nonroot is the user of that name in distroless images, without a meaning on any node.
	nonroot ID = "65532"
)

// UnmarshalJSON takes a number or a string.
func (id *ID) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case '"':
		return json.Unmarshal(data, (*string)(id))
	case '{', '[', 'n', 't', 'f':
		return fmt.Errorf("runAsUser and runAsGroup must be a number or %s, not %s", FromNamespace, data)
	}
	*id = ID(data)
	return nil
}

// group is the group of a user without one in the policy.
func (id ID) group() ID {
	if id == FromNamespace {
		return FromNamespace
	}
	return nonroot
}

// number is nil for FromNamespace.
func (id ID) number(at *field.Path) (*int64, *field.Error) {
	if id == FromNamespace {
		return nil, nil
	}
	n, err := strconv.ParseInt(string(id), 10, 64)
	switch {
	case err == nil && n == 0:
		return nil, field.Invalid(at, string(id), "is root; helpers never run as root; write a number from 1 on, or "+string(FromNamespace))
	case err != nil || n < 0 || n > math.MaxInt32 || strconv.FormatInt(n, 10) != string(id):
		return nil, field.Invalid(at, string(id), fmt.Sprintf("must be a number from 1 to %d, or %s, which leaves it to the platform that assigns users in the namespace", math.MaxInt32, FromNamespace))
	}
	return &n, nil
}

// validateIDs returns the numbers of user and group.
func validateIDs(at *field.Path, user, group ID) (numbers [2]*int64, errs field.ErrorList) {
	for i, id := range []ID{user, group} {
		n, err := id.number(at.Child([]string{"runAsUser", "runAsGroup"}[i]))
		if err != nil {
			errs = append(errs, err)
		}
		numbers[i] = n
	}
	return numbers, errs
}
