import { describe, expect, test } from 'vitest';
import { proxyFromEnvironment } from './kubernetes-proxy.ts';

describe('proxyFromEnvironment', () => {
  const proxy = 'http://proxy.example:3128';
  test.each<[string, Record<string, string>, string | undefined]>([
    ['https://k8s.example:6443', {}, undefined],
    ['https://k8s.example:6443', { HTTPS_PROXY: proxy }, proxy],
    ['https://k8s.example:6443', { https_proxy: 'proxy.example:3128' }, proxy],
    ['http://k8s.example:8001', { HTTPS_PROXY: proxy }, undefined],
    ['http://k8s.example:8001', { HTTP_PROXY: proxy }, proxy],
    ['https://127.0.0.1:6443', { HTTPS_PROXY: proxy }, undefined],
    ['https://[::1]:6443', { HTTPS_PROXY: proxy }, undefined],
    ['https://localhost:6443', { HTTPS_PROXY: proxy }, undefined],
    ['https://k8s.example:6443', { HTTPS_PROXY: proxy, NO_PROXY: '*' }, undefined],
    ['https://k8s.example:6443', { HTTPS_PROXY: proxy, NO_PROXY: 'a, .example' }, undefined],
    ['https://k8s.example:6443', { HTTPS_PROXY: proxy, no_proxy: 'example' }, undefined],
    ['https://example:6443', { HTTPS_PROXY: proxy, NO_PROXY: '.example' }, proxy],
    ['https://k8s.example:6443', { HTTPS_PROXY: proxy, NO_PROXY: 'other.example' }, proxy],
    ['https://k8s.example:6443', { HTTPS_PROXY: proxy, NO_PROXY: 'K8S.example:6443' }, undefined],
    ['https://k8s.example:6443', { HTTPS_PROXY: proxy, NO_PROXY: 'k8s.example:443' }, proxy],
    ['https://10.0.0.7:6443', { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.0/8' }, undefined],
    ['https://10.0.0.7:6443', { HTTPS_PROXY: proxy, NO_PROXY: '10.0.0.8,192.168.0.0/16' }, proxy],
    ['https://[fd00::7]:6443', { HTTPS_PROXY: proxy, NO_PROXY: 'fd00::/8' }, undefined],
  ])('%s with %j', (server, environment, expected) => {
    expect(proxyFromEnvironment(new URL(server), environment)).toBe(expected);
  });
});
