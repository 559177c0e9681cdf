// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Size is a Kubernetes quantity of bytes, such as 1Mi.
var Size = Kind{Name: "size", Ordered: true, Parse: parseSize}

// otherUnit is a size as docker and people write it: 2g, 256MB, 2 Gi. To Kubernetes 64m is
// thousandths of a byte.
var otherUnit = regexp.MustCompile(`^([0-9]+) ?([kmgtKMGT])i?[bB]?$`)

func parseSize(text string) (Value, error) {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return Value{}, notASize(text, "must be a Kubernetes quantity of bytes")
	}
	n := q.Value() // rounded up, and cut at the largest number
	if n < 0 || q.Cmp(*resource.NewQuantity(n, q.Format)) != 0 {
		return Value{}, notASize(text, "must be a whole number of bytes")
	}
	return Value{Text: resource.NewQuantity(n, resource.BinarySI).String(), Number: n}, nil
}

// notASize says what to write instead.
func notASize(text, must string) error {
	if m := otherUnit.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s: write %q", must, m[1]+strings.ToUpper(m[2])+"i")
	}
	return errors.New(must + ", such as 512Ki, 1Mi or 2Gi")
}

// ReadSize reads a quantity of bytes inside a larger value.
func ReadSize(text string) (Value, error) { return parseSize(text) }
