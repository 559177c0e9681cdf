// SPDX-License-Identifier: Apache-2.0

package option

import (
	"errors"
	"strconv"
)

// Port is the number of a TCP or UDP port.
var Port = Kind{Name: "port", Ordered: true, Parse: parsePort}

func parsePort(text string) (Value, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return Value{}, errors.New("must be the number of a port, from 1 to 65535")
	}
	return Value{Text: strconv.FormatUint(n, 10), Number: int64(n)}, nil
}
