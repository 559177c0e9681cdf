// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// validateReach compiles how a helper reaches servers, and writes the spec in its canonical form.
func validateReach(h *helper.Helper, spec *Helper, at *field.Path) (out rule.Reach, errs field.ErrorList) {
	if !h.Reaches {
		for _, f := range []struct {
			name string
			set  bool
		}{{"proxy", spec.Proxy != nil}, {"extraCAs", spec.ExtraCAs != nil}, {"githubAPI", spec.GitHubAPI != ""}} {
			if f.set {
				errs = append(errs, field.Forbidden(at.Child(f.name), h.Name+" reaches no server outside of the pod by itself; remove it"))
			}
		}
		return out, errs
	}
	if p := spec.Proxy; p != nil {
		errs = append(errs, p.problems(at.Child("proxy"))...)
		out.Proxy = &rule.Proxy{URL: p.URL, NoProxy: p.NoProxy, SSH: p.SSH, Secret: p.Secret}
	}
	if ca := spec.ExtraCAs; ca != nil {
		out.ExtraCAs = ca.ConfigMap
		errs = append(errs, objectName(at.Child("extraCAs", "configMap"), ca.ConfigMap, "name the ConfigMap whose key ca.crt holds the authorities")...)
	}
	if spec.GitHubAPI != "" {
		canonical, err := gitHubAPI(spec.GitHubAPI)
		if err != nil {
			errs = append(errs, field.Invalid(at.Child("githubAPI"), option.WithoutCredentials(spec.GitHubAPI), err.Error()))
		}
		spec.GitHubAPI, out.GitHubAPI = canonical, canonical
	}
	if engine := h.Engine(spec.Engine); engine != nil && len(errs) == 0 {
		errs = engine.CheckReach(&out, at)
	}
	return out, errs
}

func (p *Proxy) problems(at *field.Path) (errs field.ErrorList) {
	if p.URL == "" {
		errs = append(errs, field.Required(at.Child("url"), "the proxy's URL, such as http://proxy.acme.example:3128"))
	} else if canonical, err := proxyURL(p.URL); err != nil {
		errs = append(errs, field.Invalid(at.Child("url"), option.WithoutCredentials(p.URL), err.Error()))
	} else {
		p.URL = canonical
	}
	for i, text := range p.NoProxy {
		canonical, err := noProxy(text)
		if err != nil {
			errs = append(errs, field.Invalid(at.Child("noProxy").Index(i), option.WithoutCredentials(text), err.Error()))
		}
		p.NoProxy[i] = canonical
	}
	if p.Secret != "" {
		errs = append(errs, objectName(at.Child("secret"), p.Secret, "")...)
	}
	return errs
}

// objectName checks the name of an object of the pod's namespace. needed says what an empty
// one should be.
func objectName(at *field.Path, name, needed string) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(at, needed)}
	}
	if _, err := option.ObjectName.Read(name); err != nil {
		return field.ErrorList{field.Invalid(at, name, err.Error())}
	}
	return nil
}

// proxyURL writes the port out: programs differ in what they take for the default.
func proxyURL(text string) (string, error) {
	const example = ", such as http://proxy.acme.example:3128"
	u, err := plainURL(text, "http", "https")
	switch {
	case err != nil:
		return "", fmt.Errorf("%w; the proxy's URL is one%s", err, example)
	case strings.Trim(u.Path, "/") != "":
		return "", errors.New("must have no path behind the host" + example)
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port), nil
}

func gitHubAPI(text string) (string, error) {
	u, err := plainURL(text, "https")
	if err != nil {
		return "", fmt.Errorf("%w; the API's URL is one such as https://github.acme.example/api/v3", err)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// plainURL is a URL without credentials, query and fragment.
func plainURL(text string, schemes ...string) (*url.URL, error) {
	kind := option.URL(schemes...)
	v, err := kind.Read(text)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(v.Text)
	if err != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("must have no query and no fragment")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && len(validation.IsDNS1123Subdomain(u.Hostname())) > 0 {
		return nil, fmt.Errorf("has the host %q, which is neither a DNS name nor an IP address", u.Hostname())
	}
	return u, nil
}

// noProxy reads what golang.org/x/net/http/httpproxy understands of one entry, and rejects what
// it would pass over in silence.
func noProxy(text string) (string, error) {
	const example = "; an entry is a host, a domain such as .acme.example, an address, or a network such as 10.0.0.0/8"
	if err := option.PlainText(text); err != nil {
		return "", err
	}
	text = strings.ToLower(text)
	switch {
	case text == "*":
		return "", errors.New("stands for every host, so that the proxy would never be used; remove the proxy instead")
	case strings.Contains(text, ","):
		return "", errors.New("must be one entry, without a comma: write a list, such as [.svc, 10.0.0.0/8]")
	case strings.Contains(text, "://"):
		return "", errors.New("must not be a URL" + example)
	case strings.Contains(text, "/"):
		network, err := netip.ParsePrefix(text)
		if err != nil || network.Addr().Is4In6() {
			return "", errors.New("is not a network in CIDR notation" + example)
		}
		return network.Masked().String(), nil
	}
	host, port := text, ""
	if h, p, err := net.SplitHostPort(text); err == nil {
		if _, err := option.Port.Read(p); err != nil {
			return "", fmt.Errorf("has the port %q; a port is a number from 1 to 65535", p)
		}
		host, port = h, ":"+p
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil && addr.Zone() == "" {
		if addr = addr.Unmap(); addr.Is6() && port != "" {
			return "[" + addr.String() + "]" + port, nil
		}
		return addr.String() + port, nil
	}
	if strings.HasPrefix(host, "*.") { // *.acme.example and .acme.example are one
		host = host[1:]
	}
	name := strings.TrimPrefix(host, ".")
	if last := name[strings.LastIndexByte(name, '.')+1:]; len(validation.IsDNS1123Subdomain(name)) > 0 || strings.Trim(last, "0123456789") == "" { // 10.0 is no network
		return "", errors.New("is none of what can be reached without the proxy" + example)
	}
	return host + port, nil
}
