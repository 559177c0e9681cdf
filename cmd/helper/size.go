// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
)

// size is a flag for a number of bytes, written as a Kubernetes quantity.
type size int64

func (s *size) String() string {
	if s == nil {
		return ""
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *size) Set(text string) error {
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return err
	}
	n, whole := q.AsInt64()
	if !whole || n < 1 {
		return errors.New("must be a whole number of bytes, at least 1, such as 1Mi")
	}
	*s = size(n)
	return nil
}
