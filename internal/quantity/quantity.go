// SPDX-License-Identifier: Apache-2.0

// Package quantity has flags that are written as Kubernetes quantities.
package quantity

import (
	"errors"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Bytes is a flag.Value for a whole number of bytes, at least 1, such as 819Mi.
type Bytes int64

func (b *Bytes) String() string {
	if b == nil {
		return ""
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Set reads a quantity.
func (b *Bytes) Set(text string) error {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return err
	}
	n, whole := q.AsInt64()
	if !whole || n < 1 {
		return errors.New("must be a whole number of bytes, at least 1, such as 1Mi")
	}
	*b = Bytes(n)
	return nil
}
