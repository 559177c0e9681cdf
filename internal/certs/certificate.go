// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
)

// Certificate is what is to be known of a cert-manager Certificate.
type Certificate struct {
	Namespace, Name string
	Secret          string // that the pair is written to, in the same namespace
	Issuer          Reference
	Ready           Condition
	// Renewal is when cert-manager means to renew it; zero if there is none yet.
	Renewal time.Time
	// Attempts is how often in a row issuing has failed; Trouble is what cert-manager says
	// of the last time.
	Attempts int
	Trouble  string
}

// Reference names an issuer.
type Reference struct{ Group, Kind, Name string }

// ReadCertificate reads a Certificate from the JSON of the API server.
func ReadCertificate(raw []byte) (*Certificate, error) {
	var from certmanagerv1.Certificate
	if err := json.Unmarshal(raw, &from); err != nil {
		return nil, fmt.Errorf("reading a Certificate: %w", err)
	}
	ref := from.Spec.IssuerRef
	c := &Certificate{
		Namespace: from.Namespace, Name: from.Name, Secret: from.Spec.SecretName,
		// The defaults are those of the fields' documentation.
		Issuer: Reference{Group: cmp.Or(ref.Group, Group), Kind: cmp.Or(ref.Kind, certmanagerv1.IssuerKind), Name: ref.Name},
	}
	for _, one := range from.Status.Conditions {
		switch one.Type {
		case certmanagerv1.CertificateConditionReady:
			c.Ready = condition(one.Status, one.Reason, one.Message)
		case certmanagerv1.CertificateConditionIssuing:
			c.Trouble = one.Message
		}
	}
	if from.Status.RenewalTime != nil {
		c.Renewal = from.Status.RenewalTime.Time
	}
	if from.Status.FailedIssuanceAttempts != nil {
		c.Attempts = *from.Status.FailedIssuanceAttempts
	}
	return c, nil
}
