// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"

	"k8s.io/apimachinery/pkg/api/resource"
)

// CPU is a Kubernetes quantity of processors, such as 250m. Its number is in thousandths.
var CPU = Kind{Name: "cpu", Ordered: true, Parse: parseCPU}

func parseCPU(text string) (Value, error) {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return Value{}, errors.New("must be a Kubernetes quantity of CPUs, such as 100m or 1.5")
	}
	n := q.MilliValue() // rounded up, and cut at the largest number
	if whole := resource.NewMilliQuantity(n, q.Format); n < 1 || q.Cmp(*whole) != 0 {
		return Value{}, errors.New("must be at least a thousandth of a CPU and a whole number of them, such as 100m or 1.5")
	}
	return Value{Text: resource.NewMilliQuantity(n, resource.DecimalSI).String(), Number: n}, nil
}
