// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"strconv"
)

// Integer is a decimal whole number.
var Integer = Kind{Name: "integer", Ordered: true, Parse: parseInt}

func parseInt(text string) (Value, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Value{}, errors.New("must be a whole number, such as 1")
	}
	return Value{Text: strconv.FormatInt(n, 10), Number: n}, nil
}
