// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Size is a Kubernetes quantity of bytes, such as 1Mi.
var Size = Kind{Name: "size", Ordered: true, Parse: parseSize}

func parseSize(text string) (Value, error) {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return Value{}, errors.New("must be a Kubernetes quantity of bytes, such as 512Ki, 1Mi or 2Gi")
	}
	n := q.Value() // rounded up, and cut at the largest number
	if n < 0 || q.Cmp(*resource.NewQuantity(n, q.Format)) != 0 {
		return Value{}, errors.New("must be a whole number of bytes, such as 512Ki, 1Mi or 2Gi")
	}
	return Value{Text: resource.NewQuantity(n, resource.BinarySI).String(), Number: n}, nil
}

// ReadSize reads a quantity of bytes inside a larger value.
func ReadSize(text string) (Value, error) { return parseSize(text) }
